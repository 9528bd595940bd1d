/* Operations on processes: exec, forks, threads, credentials, namespaces, signals, raw system calls. */
#include "trigger.h"
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int op_true(struct words *w)
{
	(void)w;
	return 0;
}

/* fail N: as an operation that failed with errno N. */
static int op_fail(struct words *w)
{
	return take_number(w);
}

/* exec PATH WORDS...: becomes PATH; what follows, "--" included, is its argument list. */
static int op_exec(struct words *w)
{
	char *argv[64] = {take(w)};
	int n = 1;

	for (; w->left && n < 63; w->left--)
		argv[n++] = *w->at++;
	execv(argv[0], argv);
	return errno;
}

/* exec-memfd PATH WORDS...: becomes a copy of PATH that lies in memory, with WORDS as arguments. */
static int op_exec_memfd(struct words *w)
{
	static char buf[1 << 16];
	char *argv[64] = {take(w)};
	int from = open(argv[0], O_RDONLY | O_CLOEXEC), to = memfd_create("program", MFD_CLOEXEC), n = 1;
	ssize_t len;

	while ((len = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, len) < 0)
			return errno;
	for (; w->left && n < 63; w->left--)
		argv[n++] = *w->at++;
	syscall(SYS_execveat, to, "", argv, environ, AT_EMPTY_PATH);
	return errno;
}

/* exec-removed PATH WORDS...: becomes PATH, which is removed before it runs. */
static int op_exec_removed(struct words *w)
{
	char *argv[64] = {take(w)};
	int from = open(argv[0], O_RDONLY | O_CLOEXEC), n = 1;

	for (; w->left && n < 63; w->left--)
		argv[n++] = *w->at++;
	if (unlink(argv[0]) < 0)
		return errno;
	syscall(SYS_execveat, from, "", argv, environ, AT_EMPTY_PATH);
	return errno;
}

static int op_fork(struct words *w)
{
	pid_t pid = fork();

	if (pid < 0)
		return errno;
	if (!pid)
		_exit(run(w));
	w->left = 0;
	return end_like(pid);
}

/* try WORDS...: the rest in a child; however it ends is fine. */
static int op_try(struct words *w)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return errno;
	if (!pid)
		_exit(run(w));
	w->left = 0;
	waitpid(pid, &status, 0);
	return 0;
}

static void *thread_main(void *w)
{
	return (void *)(long)run(w);
}

static int op_thread(struct words *w)
{
	pthread_t thread;
	void *err;

	if (pthread_create(&thread, NULL, thread_main, w))
		return EAGAIN;
	pthread_join(thread, &err);
	return (long)err;
}

/* repeat N WORDS...: the rest of the command N times. */
static int op_repeat(struct words *w)
{
	long n = take_number(w);
	struct words rest = *w;

	for (; n; n--) {
		struct words again = rest;
		int err = run(&again);

		if (err)
			return err;
	}
	w->left = 0;
	return 0;
}

static int op_sleep(struct words *w)
{
	usleep(take_number(w) * 1000);
	return 0;
}

/* Raw system calls: libc's setuid would run through every thread and use other calls. */
static int op_setuid(struct words *w)
{
	return outcome(syscall(SYS_setuid, take_number(w)));
}

static int op_setgid(struct words *w)
{
	return outcome(syscall(SYS_setgid, take_number(w)));
}

static int op_setresuid(struct words *w)
{
	long r = take_number(w), e = take_number(w);

	return outcome(syscall(SYS_setresuid, r, e, take_number(w)));
}

/* keep-caps MASK: sets effective and permitted to MASK, inheritable to none. */
static int op_keep_caps(struct words *w)
{
	unsigned long mask = take_number(w);
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
		{mask, mask, 0},
		{mask >> 32, mask >> 32, 0},
	};

	return outcome(syscall(SYS_capset, &head, data));
}

/* caps EFFECTIVE PERMITTED INHERITABLE: sets the three masks. */
static int op_caps(struct words *w)
{
	unsigned long e = take_number(w), p = take_number(w), i = take_number(w);
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
		{e, p, i},
		{e >> 32, p >> 32, i >> 32},
	};

	return outcome(syscall(SYS_capset, &head, data));
}

static const struct {
	const char *name;
	int flag;
} namespaces[] = {
	{"uts", CLONE_NEWUTS},   {"ipc", CLONE_NEWIPC},   {"mnt", CLONE_NEWNS},         {"pid", CLONE_NEWPID},
	{"net", CLONE_NEWNET},   {"user", CLONE_NEWUSER}, {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME},
};

static int op_unshare(struct words *w)
{
	char *name = take(w);

	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
		if (!strcmp(namespaces[i].name, name))
			return outcome(unshare(namespaces[i].flag));
	usage(name);
}

/* setns PATH: enters the namespace behind a file. */
static int op_setns(struct words *w)
{
	int f = open(take(w), O_RDONLY | O_CLOEXEC);

	return f < 0 ? errno : outcome(setns(f, 0));
}

/* hold: a child that waits for our end; the first one after `unshare pid` is the init of the namespace. */
static int op_hold(struct words *w)
{
	pid_t pid = fork();

	(void)w;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return outcome(pid);
}

/* mark TEXT: nothing; the text tells events of one command from those of another. */
static int op_mark(struct words *w)
{
	take(w);
	return 0;
}

/* prctl-many N FIRST VALUE: prctl with options FIRST, FIRST + 1, ... and one argument; the kernel refuses them all. */
static int op_prctl_many(struct words *w)
{
	long n = take_number(w), first = take_number(w), value = take_number(w);

	for (long i = 0; i < n; i++)
		syscall(SYS_prctl, first + i, value, 0, 0, 0);
	return 0;
}

/* A string argument: text:TEXT, fill:LENGTH:LETTER, null, unmapped, untouched (a page that was never written). */
static char *take_string(struct words *w)
{
	char *word = take(w), *letter, *text;
	long n;

	if (!strncmp(word, "text:", 5))
		return word + 5;
	if (!strcmp(word, "null"))
		return NULL;
	if (!strcmp(word, "unmapped"))
		return (char *)0x1000;
	if (!strcmp(word, "untouched"))
		return mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (strncmp(word, "fill:", 5))
		usage(word);
	n = strtol(word + 5, &letter, 0);
	text = calloc(1, n + 1);
	memset(text, letter[1], n);
	return text;
}

/* prctl-text N FIRST STRING: as prctl-many, with a string. */
static int op_prctl_text(struct words *w)
{
	long n = take_number(w), first = take_number(w);
	char *text = take_string(w);

	for (long i = 0; i < n; i++)
		syscall(SYS_prctl, first + i, text, 7, 0, 0);
	return 0;
}

/* pwrite-many N FIRST STRING LENGTH: writes to the current file at positions FIRST, FIRST + 1, ... */
static int op_pwrite_many(struct words *w)
{
	long n = take_number(w), first = take_number(w), length;
	char *text = take_string(w);

	length = take_number(w);
	for (long i = 0; i < n; i++)
		syscall(SYS_pwrite64, current_file(), text, length, first + i);
	return 0;
}

/* count-signals SIGNAL WORDS...: handles a signal while the rest runs, and prints how often it came. */
static volatile int signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

static int op_count_signals(struct words *w)
{
	struct sigaction action = {.sa_handler = count_signal};
	int err;

	sigaction(take_number(w), &action, NULL);
	err = run(w);
	printf("%d signals\n", signals);
	return err;
}

static int op_sethostname(struct words *w)
{
	char *name = take(w);

	return outcome(sethostname(name, strlen(name)));
}

/* sethostname-wide NAME: the same, with a bit above the 32 that the kernel looks at in the length. */
static int op_sethostname_wide(struct words *w)
{
	char *name = take(w);

	return outcome(syscall(SYS_sethostname, name, strlen(name) | 1L << 32));
}

/* kill-child SIG: forks a child that sleeps and signals it. */
static int op_kill_child(struct words *w)
{
	int sig = take_number(w), err, status;
	pid_t pid = fork();

	if (!pid) {
		for (;;)
			pause();
	}
	err = outcome(kill(pid, sig));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return err;
}

static int op_ptrace_child(struct words *w)
{
	int err, status;
	pid_t pid = fork();

	(void)w;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	err = outcome(ptrace(PTRACE_SEIZE, pid, 0, 0));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return err;
}

/*
 * syscall NR A...: a raw system call with integer arguments. Any error that the call itself gives for nonsense
 * (EINVAL, EBADF) counts as success: only what a policy did to it is of interest.
 */
static int op_syscall(struct words *w)
{
	long nr = take_number(w), a[6] = {0}, ret;

	for (int i = 0; i < 6 && w->left && strcmp(*w->at, "--"); i++)
		a[i] = take_number(w);
	ret = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	return ret < 0 && errno != EINVAL && errno != EBADF ? errno : 0;
}

/* name TEXT: prctl(PR_SET_NAME), a string read from user memory. */
static int op_name(struct words *w)
{
	return outcome(prctl(PR_SET_NAME, take(w)));
}

static int op_nice(struct words *w)
{
	errno = 0;
	nice(take_number(w));
	return errno;
}

/* ns NAME: prints the inode number of the caller's namespace. */
static int op_ns(struct words *w)
{
	char path[64], text[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", take(w));
	n = readlink(path, text, sizeof(text) - 1);
	if (n < 0)
		return errno;
	text[n] = 0;
	puts(text);
	return 0;
}

const struct op process_ops[] = {
	{"caps", op_caps},
	{"count-signals", op_count_signals},
	{"exec", op_exec},
	{"exec-memfd", op_exec_memfd},
	{"exec-removed", op_exec_removed},
	{"fail", op_fail},
	{"fork", op_fork},
	{"hold", op_hold},
	{"keep-caps", op_keep_caps},
	{"kill-child", op_kill_child},
	{"mark", op_mark},
	{"name", op_name},
	{"nice", op_nice},
	{"ns", op_ns},
	{"prctl-many", op_prctl_many},
	{"prctl-text", op_prctl_text},
	{"ptrace-child", op_ptrace_child},
	{"pwrite-many", op_pwrite_many},
	{"repeat", op_repeat},
	{"setgid", op_setgid},
	{"sethostname", op_sethostname},
	{"sethostname-wide", op_sethostname_wide},
	{"setns", op_setns},
	{"setresuid", op_setresuid},
	{"setuid", op_setuid},
	{"sleep", op_sleep},
	{"syscall", op_syscall},
	{"thread", op_thread},
	{"true", op_true},
	{"try", op_try},
	{"unshare", op_unshare},
	{NULL, NULL},
};
