/*
 * Driver of the kernel lab: performs single system calls, each by a process of its own that is made as a script says.
 *
 * `driver SCRIPT setup` mounts what the script's files need; `driver SCRIPT run FROM TO` performs the calls with these numbers and prints
 * what became of each. Host side: tests/lab/judge/script.rs.
 *
 * Words of a script's lines are separated by spaces; texts are "x" and hexadecimal digits.
 *   M PATH            a tmpfs              B FROM TO           a bind mount
 *   D PATH MODE       a directory          F PATH MODE TEXT    a file
 *   L TO PATH         a symbolic link      H FROM PATH         a hard link
 *   A PATH            nothing
 *   C ID PID EXE CWD UID EFFECTIVE PERMITTED INHERITABLE NAMESPACES MESS NFDS FD... NARGS ARG... NUMBER PARAMETER*6
 * Descriptors, from 10 on: "f<flags>:<path>" or "s<domain>,<type>,<protocol>,<address to bind to or x>".
 * Parameters: n<number>, x<text>, b<bytes>, g<bytes at the end of a page>, z (null), u (not mapped), p (parent), q (self),
 * v<text>,<text>... (argument list), e (environment).
 *
 * The driver makes a process (chdir, descriptors, user) that becomes EXE; this one takes its namespaces and capabilities and makes the
 * caller, so that policies see the caller's call and nothing else of it. They report through a page of memory, not through calls.
 * Out, a line for each call: R ID DRIVER PARENT CALLER STARTED STATUS RETURN ERRNO SIGNALS and ten inode numbers of namespaces.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHARED_FD 100
#define FIRST_FD 10
#define MAX_WORDS 128

static const char *const namespaces[] = {
	"uts", "ipc", "mnt", "pid", "pid_for_children", "net", "time", "time_for_children", "cgroup", "user",
};

struct shared {
	int driver, parent, caller, started, status, done, error;
	long ret;
	unsigned long signals, inodes[10];
	char line[1 << 16];
};

static struct shared *shared;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "driver: %s: %s\n", what, strerror(errno));
	_exit(99);
}

struct words {
	char *at[MAX_WORDS];
	int next;
};

static void split(char *line, struct words *w)
{
	int n = 0;

	line[strcspn(line, "\n")] = 0;
	for (char *word = strtok(line, " "); word && n < MAX_WORDS - 1; word = strtok(NULL, " "))
		w->at[n++] = word;
	w->at[n] = NULL;
	w->next = 0;
}

static char *take(struct words *w)
{
	char *word = w->at[w->next];

	if (!word) {
		errno = EINVAL;
		fail("a word is missing");
	}
	w->next++;
	return word;
}

static unsigned long take_number(struct words *w)
{
	return strtoul(take(w), NULL, 0);
}

/* Digits, after one letter, to bytes with a NUL behind them. */
static char *bytes(const char *word, size_t *len)
{
	size_t n = strspn(word + 1, "0123456789abcdef") / 2;
	char *text = malloc(n + 1);

	for (size_t i = 0; i < n; i++) {
		unsigned int byte;

		sscanf(word + 1 + 2 * i, "%2x", &byte);
		text[i] = byte;
	}
	text[n] = 0;
	if (len)
		*len = n;
	return text;
}

static char *take_text(struct words *w)
{
	return bytes(take(w), NULL);
}

/* ---- files ---- */

static void make(struct words *w)
{
	char kind = *take(w), *path = take_text(w);

	if (kind == 'A') {
		unlink(path);
		rmdir(path);
	} else if (kind == 'D') {
		mkdir(path, 0755);
		chmod(path, take_number(w));
	} else if (kind == 'F') {
		mode_t mode = take_number(w);
		char *text = take_text(w);
		int f;

		unlink(path);
		f = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		if (f < 0 || write(f, text, strlen(text)) < 0)
			fail(path);
		fchmod(f, mode);
		close(f);
	} else if (kind == 'L' || kind == 'H') {
		char *at = take_text(w);

		unlink(at);
		if ((kind == 'L' ? symlink(path, at) : link(path, at)) < 0)
			fail(at);
	}
}

static void mount_one(struct words *w)
{
	char kind = *take(w), *path = take_text(w), *to;

	if (kind == 'M' && mount("tmpfs", path, "tmpfs", 0, NULL) < 0)
		fail(path);
	if (kind == 'B' && mount(path, to = take_text(w), NULL, MS_BIND, NULL) < 0)
		fail(to);
}

/* ---- the caller ---- */

static void note(int number)
{
	shared->signals |= 1UL << (number - 1);
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};

	for (int number = 1; number <= 64; number++)
		if (number != SIGSEGV && number != SIGBUS && number != SIGILL && number != SIGFPE)
			sigaction(number, &action, NULL);
}

static void read_namespaces(void)
{
	for (int i = 0; i < 10; i++) {
		char path[64], text[64], *number;
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", namespaces[i]);
		n = readlink(path, text, sizeof(text) - 1);
		text[n < 0 ? 0 : n] = 0;
		number = strchr(text, '[');
		shared->inodes[i] = number ? strtoul(number + 1, NULL, 10) : 0;
	}
}

static char **list(char *word)
{
	static char *argv[32];
	int n = 0;

	for (char *one = strtok(word + 1, ","); one && n < 31; one = strtok(NULL, ","))
		argv[n++] = bytes(one, NULL);
	return argv;
}

static long at_end_of_page(const char *word)
{
	size_t len;
	char *text = bytes(word, &len), *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(pages + 2 * 4096, 4096);
	return (long)memcpy(pages + 2 * 4096 - len, text, len);
}

static long parameter(char *word)
{
	static char *environment[] = {"JUDGE=end", NULL};

	switch (*word) {
	case 'n': return strtoul(word + 1, NULL, 0);
	case 'x':
	case 'b': return (long)bytes(word, NULL);
	case 'g': return at_end_of_page(word);
	case 'u': return 0x1000;
	case 'p': return getppid();
	case 'q': return getpid();
	case 'v': return (long)list(word);
	case 'e': return (long)environment;
	default: return 0;
	}
}

static _Noreturn void call(struct words *w)
{
	long number = take_number(w), p[6];

	for (int i = 0; i < 6; i++)
		p[i] = parameter(take(w));
	catch_signals();
	read_namespaces();
	shared->started = 1;
	shared->ret = syscall(number, p[0], p[1], p[2], p[3], p[4], p[5]);
	shared->error = shared->ret == -1 ? errno : 0;
	shared->done = 1;
	_exit(0);
}

/* ---- the caller's parent ---- */

struct context {
	char *exe, *cwd, *namespaces, *argv[32];
	int id, uid, mess;
	pid_t pid;
	unsigned long effective, permitted, inheritable;
	char *fds[8];
	int nfds;
};

/* What stands in front of the call. */
static void parse(struct words *w, struct context *c)
{
	int n;

	take(w);
	c->id = take_number(w);
	c->pid = take_number(w);
	c->exe = take_text(w);
	c->cwd = take_text(w);
	c->uid = take_number(w);
	c->effective = take_number(w);
	c->permitted = take_number(w);
	c->inheritable = take_number(w);
	c->namespaces = take(w);
	c->mess = take_number(w);
	c->nfds = take_number(w);
	for (int i = 0; i < c->nfds; i++)
		c->fds[i] = take(w);
	n = take_number(w);
	for (int i = 0; i < n; i++)
		c->argv[i] = take_text(w);
	c->argv[n] = NULL;
}

static void unshare_all(const char *letters)
{
	static const struct {
		char letter;
		int flag;
	} kinds[] = {
		{'u', CLONE_NEWUTS}, {'i', CLONE_NEWIPC}, {'m', CLONE_NEWNS}, {'p', CLONE_NEWPID},
		{'n', CLONE_NEWNET}, {'t', CLONE_NEWTIME}, {'c', CLONE_NEWCGROUP}, {'U', CLONE_NEWUSER},
	};

	for (; *letters; letters++)
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (kinds[i].letter == *letters && unshare(kinds[i].flag) < 0)
				fail("unshare");
}

static void limit_capabilities(const struct context *c)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
		{c->effective, c->permitted, c->inheritable},
		{c->effective >> 32, c->permitted >> 32, c->inheritable >> 32},
	};

	if (syscall(SYS_capset, &head, data) < 0)
		fail("capset");
}

static int parent(void)
{
	static char line[1 << 16];
	struct words w;
	struct context c;
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_FD, 0);
	if (shared == MAP_FAILED)
		fail("mmap");
	strcpy(line, shared->line);
	split(line, &w);
	parse(&w, &c);
	unshare_all(c.namespaces);
	limit_capabilities(&c);
	shared->parent = getpid();
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid)
		call(&w);
	shared->caller = pid;
	if (waitpid(pid, &shared->status, 0) < 0)
		fail("wait");
	return 0;
}

/* ---- the driver ---- */

static int new_descriptor(char *word)
{
	int f, domain, type, protocol, one = 1;
	size_t len;
	char *address;

	if (*word == 'f') {
		char *path = strchr(word, ':') + 1;

		return open(bytes(path, NULL), strtoul(word + 1, NULL, 0), 0644);
	}
	if (sscanf(word, "s%d,%d,%d", &domain, &type, &protocol) != 3)
		fail(word);
	f = socket(domain, type, protocol);
	setsockopt(f, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	address = bytes(strrchr(word, ',') + 1, &len);
	if (len && bind(f, (void *)address, len) < 0)
		fail("bind");
	return f;
}

static _Noreturn void become(struct context *c)
{
	char *environment[] = {"JUDGE=call", NULL};

	for (int i = 0; i < c->nfds; i++) {
		int f = new_descriptor(c->fds[i]);

		if (f < 0 || dup2(f, FIRST_FD + i) < 0)
			fail(c->fds[i]);
		close(f);
	}
	if (chdir(c->cwd) < 0)
		fail(c->cwd);
	if (c->uid && (syscall(SYS_setresgid, c->uid, c->uid, c->uid) < 0 || syscall(SYS_setresuid, c->uid, c->uid, c->uid) < 0))
		fail("setresuid");
	execve(c->exe, c->argv, environment);
	fail(c->exe);
}

/* The next process gets this id, unless it is taken. */
static void next_pid(pid_t pid)
{
	static int f = -1;
	char text[32];

	if (f < 0)
		f = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	snprintf(text, sizeof(text), "%d", pid - 1);
	if (f < 0 || write(f, text, strlen(text)) < 0)
		fail("ns_last_pid");
}

static void perform(char *line)
{
	struct words w;
	struct context c = {0};
	int status;
	pid_t pid;

	memset(shared, 0, offsetof(struct shared, line));
	strcpy(shared->line, line);
	split(line, &w);
	parse(&w, &c);
	next_pid(c.pid);
	pid = fork();
	if (!pid)
		become(&c);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		fail("fork");
	if (status) {
		fprintf(stderr, "driver: call %d: its process ended with %#x\n", c.id, status);
		exit(98);
	}
	printf("R %d %d %d %d %d %d %ld %d %#lx", c.id, getpid(), shared->parent, shared->caller, shared->started,
	       shared->status, shared->ret, shared->error, shared->signals);
	for (int i = 0; i < 10; i++)
		printf(" %lu", shared->inodes[i]);
	printf("\n");
}

/* Runs `each` for lines that begin with one of the letters. */
static void lines(const char *script, const char *letters, void (*each)(char *line))
{
	static char line[1 << 16];
	FILE *f = fopen(script, "re");

	if (!f)
		fail(script);
	while (fgets(line, sizeof(line), f))
		if (strchr(letters, *line))
			each(line);
	fclose(f);
}

static void make_line(char *line)
{
	struct words w;

	split(line, &w);
	make(&w);
}

static void mount_line(char *line)
{
	struct words w;

	split(line, &w);
	mount_one(&w);
}

#define FILES "ADFLH"

static const char *script;
static int from, to;

static void call_line(char *line)
{
	static char copy[1 << 16];
	struct words w;
	struct context c = {0};

	strcpy(copy, line);
	split(copy, &w);
	parse(&w, &c);
	if (c.id < from || c.id >= to)
		return;
	perform(line);
	if (c.mess)
		lines(script, FILES, make_line);
}

int main(int argc, char **argv)
{
	const char *judge = getenv("JUDGE");

	if (judge)
		return strcmp(judge, "call") ? 0 : parent();
	if (argc < 3)
		fail("usage: driver SCRIPT setup | driver SCRIPT run FROM TO");
	umask(0);
	script = argv[1];
	if (argc == 3) {
		/* Directories first: mounts lie on them. */
		lines(script, "D", make_line);
		lines(script, "MB", mount_line);
		return 0;
	}
	from = atoi(argv[3]);
	to = atoi(argv[4]);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, dup2(memfd_create("judge", 0), SHARED_FD), 0);
	if (shared == MAP_FAILED || ftruncate(SHARED_FD, sizeof(*shared)) < 0)
		fail("mmap");
	lines(script, FILES, make_line);
	lines(script, "C", call_line);
	return 0;
}
