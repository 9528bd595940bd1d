/*
 * Operations on the node itself: the state of BPF on it, a loader killed at every step, programs' run times.
 *
 * "State" is the tree under /sys/fs/bpf and the number of programs, maps and links in the kernel. The kernel frees
 * them late, so a comparison waits for them.
 */
#include "trigger.h"
#include <dirent.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int next_id(int cmd, uint32_t *id)
{
	union bpf_attr attr = {.start_id = *id};

	if (sys_bpf(cmd, &attr) < 0)
		return 0;
	*id = attr.next_id;
	return 1;
}

static int count(int cmd)
{
	uint32_t id = 0;
	int n = 0;

	while (next_id(cmd, &id))
		n++;
	return n;
}

static void print_tree(FILE *to, const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort);
	char path[4096];
	struct stat st;

	for (int i = 0; i < n; i++) {
		char *name = names[i]->d_name;

		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		if (lstat(path, &st) < 0)
			continue;
		fprintf(to, "%s%s\n", path, S_ISDIR(st.st_mode) ? "/" : "");
		if (S_ISDIR(st.st_mode))
			print_tree(to, path);
	}
}

/* The state as text; the caller frees it. */
static char *state(void)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	print_tree(f, "/sys/fs/bpf");
	fprintf(f, "programs %d\n", count(BPF_PROG_GET_NEXT_ID));
	fprintf(f, "maps %d\n", count(BPF_MAP_GET_NEXT_ID));
	fprintf(f, "links %d\n", count(BPF_LINK_GET_NEXT_ID));
	fclose(f);
	return text;
}

static int op_tree(struct words *w)
{
	print_tree(stdout, take(w));
	return 0;
}

/* bpf-save FILE: remembers the state. */
static int op_bpf_save(struct words *w)
{
	FILE *f = fopen(take(w), "we");
	char *now = state();

	if (!f)
		return errno;
	fputs(now, f);
	free(now);
	return fclose(f) ? errno : 0;
}

/* bpf-same FILE: fails with EEXIST, printing both, unless the state becomes the remembered one within five seconds. */
static int op_bpf_same(struct words *w)
{
	char *path = take(w), *now, before[65536];
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return errno;
	n = fread(before, 1, sizeof(before) - 1, f);
	before[n] = 0;
	fclose(f);
	for (int i = 0; i < 100; i++) {
		now = state();
		if (!strcmp(now, before)) {
			free(now);
			return 0;
		}
		if (i < 99)
			free(now);
		usleep(50 * 1000);
	}
	printf("before:\n%snow:\n%s", before, now);
	return EEXIST;
}

/* Whether a system call changes the node: BPF objects, links and pins. */
static int changes_node(const struct user_regs_struct *r)
{
	switch (r->orig_rax) {
	case SYS_bpf:
		return r->rdi == BPF_MAP_CREATE || r->rdi == BPF_MAP_UPDATE_ELEM || r->rdi == BPF_PROG_LOAD ||
		       r->rdi == BPF_OBJ_PIN || r->rdi == BPF_LINK_CREATE || r->rdi == BPF_LINK_UPDATE ||
		       r->rdi == BPF_RAW_TRACEPOINT_OPEN || r->rdi == BPF_LINK_DETACH;
	case SYS_mkdir:
	case SYS_mkdirat:
	case SYS_rmdir:
	case SYS_unlink:
	case SYS_unlinkat:
	case SYS_rename:
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_perf_event_open:
		return 1;
	}
	return 0;
}

/*
 * Runs a command and kills it right after the k-th system call that changes the node; before the first one for k = 0.
 * Returns 1 when killed, 0 when the command came to its end before, -1 when it failed.
 */
static int run_killed_at(char **argv, int k)
{
	struct user_regs_struct regs;
	int status, inside = 0, calls = 0;
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 1);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execv(argv[0], argv);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	while (WIFSTOPPED(status)) {
		int signal = WSTOPSIG(status) & 0x7f;

		if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			inside = !inside;
			ptrace(PTRACE_GETREGS, pid, 0, &regs);
			if (!inside && changes_node(&regs) && calls++ == k) {
				kill(pid, SIGKILL);
				waitpid(pid, &status, 0);
				return 1;
			}
		}
		ptrace(PTRACE_SYSCALL, pid, 0, signal == SIGTRAP ? 0 : signal);
		waitpid(pid, &status, 0);
	}
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}

static char **take_command(struct words *w, char **argv, int max)
{
	int n = 0;

	while (w->left && strcmp(*w->at, "--") && n < max - 1)
		argv[n++] = take(w);
	argv[n] = NULL;
	return argv;
}

/* The rest of the words in a child; the words stay as they are. Returns the child's wait status. */
static int run_child(struct words rest)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(run(&rest));
	waitpid(pid, &status, 0);
	return status;
}

/*
 * kill-sweep COMMAND... -- PROBE...: runs the command again and again, killed after its first, its second, ... change of
 * the node, with the probe after each. The probe must always succeed. Prints the number of kills; EIO when the probe failed.
 */
static int op_kill_sweep(struct words *w)
{
	char *argv[32];
	int k, killed, status;

	take_command(w, argv, 32);
	for (k = 0; (killed = run_killed_at(argv, k)) == 1; k++) {
		status = run_child(*w);
		if (status) {
			printf("after a kill behind change %d the probe ended with status %#x\n", k, status);
			return EIO;
		}
	}
	w->left = 0;
	printf("%d kills\n", k);
	return killed < 0 ? ECHILD : 0;
}

/* dies WORDS...: succeeds if the rest, in a child, dies of SIGKILL. */
static int op_dies(struct words *w)
{
	int status = run_child(*w);

	w->left = 0;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : EIO;
}

static pid_t start(char **argv, int output)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (output >= 0) {
		dup2(output, 1);
		dup2(output, 2);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(argv[0], argv);
	_exit(errno);
}

/* whatever COMMAND...: runs a command; how it ends does not matter. */
static int op_whatever(struct words *w)
{
	char *argv[32];
	int null = open("/dev/null", O_WRONLY);

	waitpid(start(take_command(w, argv, 32), null), NULL, 0);
	close(null);
	return 0;
}

/* together N COMMAND...: runs a command N times at once. Prints how many of them succeeded. */
static int op_together(struct words *w)
{
	char *argv[32];
	long n = take_number(w), good = 0;
	int null = open("/dev/null", O_WRONLY), status;

	take_command(w, argv, 32);
	for (long i = 0; i < n; i++)
		start(argv, null);
	close(null);
	while (wait(&status) > 0)
		good += !status;
	printf("%ld succeeded\n", good);
	return 0;
}

/* count-lines TEXT COMMAND...: prints how many lines of the command's output contain the text, and ends like the command. */
static int op_count_lines(struct words *w)
{
	char *argv[32], *text = take(w), *line = NULL;
	size_t size = 0, count = 0, all = 0;
	int p[2], status;
	FILE *f;
	pid_t pid;

	take_command(w, argv, 32);
	if (pipe2(p, O_CLOEXEC) < 0)
		return errno;
	pid = start(argv, p[1]);
	close(p[1]);
	f = fdopen(p[0], "r");
	for (; getline(&line, &size, f) > 0; all++)
		count += strstr(line, text) != NULL;
	fclose(f);
	waitpid(pid, &status, 0);
	printf("%zu of %zu lines\n", count, all);
	return WEXITSTATUS(status);
}

/*
 * beside N COMMAND... -- WORDS...: starts a command, runs the rest while it runs, and prints the first N lines of its output,
 * for which it waits ten seconds. Then closes the pipe and kills the command.
 */
static int op_beside(struct words *w)
{
	char *argv[32], text[65536];
	long n = take_number(w);
	int p[2], err;
	size_t len = 0;
	pid_t pid;

	take_command(w, argv, 32);
	if (pipe2(p, O_CLOEXEC) < 0)
		return errno;
	pid = start(argv, p[1]);
	close(p[1]);
	usleep(500 * 1000);
	err = run(w);
	for (int waits = 0; n && waits < 10; waits++) {
		struct pollfd ready = {p[0], POLLIN, 0};

		while (n && poll(&ready, 1, 1000) > 0 && len < sizeof(text) && read(p[0], text + len, 1) == 1)
			n -= text[len++] == '\n';
	}
	fwrite(text, 1, len, stdout);
	fflush(stdout);
	close(p[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return err ? err : n ? ETIMEDOUT : 0;
}

static int set_stats(const char *value)
{
	int f = open("/proc/sys/kernel/bpf_stats_enabled", O_WRONLY);
	int err = f < 0 ? errno : outcome(write(f, value, 1));

	close(f);
	return err;
}

#define MAX_PROGRAMS 256

struct cost {
	uint32_t id;
	char name[BPF_OBJ_NAME_LEN];
	uint64_t runs, ns;
};

static int read_costs(struct cost *costs)
{
	uint32_t id = 0;
	int n = 0;

	while (n < MAX_PROGRAMS && next_id(BPF_PROG_GET_NEXT_ID, &id)) {
		struct bpf_prog_info info = {0};
		union bpf_attr attr = {.prog_id = id};
		int f = sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr);

		attr = (union bpf_attr){.info = {.bpf_fd = f, .info_len = sizeof(info), .info = (uint64_t)&info}};
		if (f < 0 || sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0)
			continue;
		costs[n].id = id;
		memcpy(costs[n].name, info.name, sizeof(info.name));
		costs[n].runs = info.run_cnt;
		costs[n++].ns = info.run_time_ns;
		close(f);
	}
	return n;
}

/*
 * bench LOOPS WORDS...: prints, for each BPF program that ran while the rest was repeated: name, runs, nanoseconds.
 * Under QEMU's -icount shift=0 a nanosecond is an instruction.
 */
static int op_bench(struct words *w)
{
	static struct cost before[MAX_PROGRAMS], after[MAX_PROGRAMS];
	long loops = take_number(w);
	struct words rest = *w;
	int err = 0, n;

	for (int i = 0; i < 20 && !err; i++, *w = rest)
		err = run(&(struct words){rest.at, rest.left});
	if (err || (err = set_stats("1")))
		return err;
	read_costs(before);
	for (; loops && !err; loops--)
		err = run(&(struct words){rest.at, rest.left});
	n = read_costs(after);
	set_stats("0");
	for (int i = 0; i < n; i++)
		if (after[i].runs > before[i].runs)
			printf("%s %lu %lu\n", after[i].name, after[i].runs - before[i].runs, after[i].ns - before[i].ns);
	w->left = 0;
	return err;
}

/* The BTF id of a kernel function, or 0. Source of the layout: Documentation/bpf/btf.rst. */
static uint32_t function_id(const char *name)
{
	static char data[32 << 20];
	static const unsigned char extra[] = {
		[BTF_KIND_INT] = 4, [BTF_KIND_ARRAY] = 12, [BTF_KIND_VAR] = 4, [BTF_KIND_DECL_TAG] = 4,
	};
	static const unsigned char per_member[] = {
		[BTF_KIND_STRUCT] = 12, [BTF_KIND_UNION] = 12, [BTF_KIND_ENUM] = 8, [BTF_KIND_FUNC_PROTO] = 8,
		[BTF_KIND_DATASEC] = 12, [BTF_KIND_ENUM64] = 12,
	};
	struct btf_header *head = (void *)data;
	int f = open("/sys/kernel/btf/vmlinux", O_RDONLY);
	size_t len = 0;
	ssize_t n;
	char *at, *strings;

	while ((n = read(f, data + len, sizeof(data) - len)) > 0)
		len += n;
	close(f);
	at = data + head->hdr_len + head->type_off;
	strings = data + head->hdr_len + head->str_off;
	for (uint32_t id = 1; at < data + head->hdr_len + head->type_off + head->type_len; id++) {
		struct btf_type *t = (void *)at;
		int kind = BTF_INFO_KIND(t->info);

		if (kind == BTF_KIND_FUNC && !strcmp(strings + t->name_off, name))
			return id;
		at += sizeof(*t);
		at += kind < (int)sizeof(extra) ? extra[kind] : 0;
		at += kind < (int)sizeof(per_member) ? per_member[kind] * BTF_INFO_VLEN(t->info) : 0;
	}
	return 0;
}

/* empty FUNCTION: attaches a program that does nothing to a kernel function's entry, for as long as we live. */
static int op_empty(struct words *w)
{
	static char log[65536];
	struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACING,
		.expected_attach_type = BPF_TRACE_FENTRY,
		.insns = (uint64_t)code,
		.insn_cnt = 2,
		.license = (uint64_t)"Dual BSD/GPL",
		.prog_name = "empty",
		.attach_btf_id = function_id(take(w)),
		.log_buf = (uint64_t)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	int f = sys_bpf(BPF_PROG_LOAD, &attr);

	if (f < 0) {
		fputs(log, stderr);
		return errno;
	}
	attr = (union bpf_attr){.raw_tracepoint = {.prog_fd = f}};
	return outcome(sys_bpf(BPF_RAW_TRACEPOINT_OPEN, &attr));
}

const struct op node_ops[] = {
	{"bench", op_bench},
	{"beside", op_beside},
	{"bpf-same", op_bpf_same},
	{"bpf-save", op_bpf_save},
	{"count-lines", op_count_lines},
	{"dies", op_dies},
	{"empty", op_empty},
	{"kill-sweep", op_kill_sweep},
	{"together", op_together},
	{"tree", op_tree},
	{"whatever", op_whatever},
	{NULL, NULL},
};
