/* The caller, and its parent: they become the script's program and perform its call. */
#include "driver.h"
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const namespaces[] = {
	"uts", "ipc", "mnt", "pid", "pid_for_children", "net", "time", "time_for_children", "cgroup", "user",
};

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

int parent(void)
{
	static char line[MAX_LINE];
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
