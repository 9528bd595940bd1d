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

static const struct {
	const char *name;
	int flag;
} namespaces[] = {
	{"uts", CLONE_NEWUTS},   {"ipc", CLONE_NEWIPC},   {"mnt", CLONE_NEWNS},         {"pid", CLONE_NEWPID},
	{"net", CLONE_NEWNET},   {"user", CLONE_NEWUSER}, {"cgroup", CLONE_NEWCGROUP},
};

static int op_unshare(struct words *w)
{
	char *name = take(w);

	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
		if (!strcmp(namespaces[i].name, name))
			return outcome(unshare(namespaces[i].flag));
	usage(name);
}

static int op_sethostname(struct words *w)
{
	char *name = take(w);

	return outcome(sethostname(name, strlen(name)));
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
	{"exec", op_exec},
	{"fail", op_fail},
	{"fork", op_fork},
	{"keep-caps", op_keep_caps},
	{"kill-child", op_kill_child},
	{"name", op_name},
	{"nice", op_nice},
	{"ns", op_ns},
	{"ptrace-child", op_ptrace_child},
	{"repeat", op_repeat},
	{"setgid", op_setgid},
	{"sethostname", op_sethostname},
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
