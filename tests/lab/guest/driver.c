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
#include "driver.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
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

struct shared *shared;

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
		if (f < 0 || pwrite(f, text, strlen(text), 0) < 0)
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

/* Calls have higher process ids. */
#define LOW_PID 1000

/* The next process gets this id, unless it is taken. */
static void next_pid(pid_t pid)
{
	static int f = -1;
	char text[32];

	if (f < 0)
		f = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	snprintf(text, sizeof(text), "%d", pid - 1);
	if (f < 0 || pwrite(f, text, strlen(text), 0) < 0)
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
	static char line[MAX_LINE];
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
	static char copy[MAX_LINE];
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

static void survive(int number)
{
	(void)number;
}

/* Policies are about calls; those of the driver may be like them, and bring it signals. A program that it starts has them as ever. */
static void survive_signals(void)
{
	struct sigaction action = {.sa_handler = survive, .sa_flags = SA_RESTART};

	for (int number = 1; number <= 64; number++)
		if (number != SIGKILL && number != SIGSTOP && number != SIGSEGV && number != SIGCHLD)
			sigaction(number, &action, NULL);
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
	survive_signals();
	from = atoi(argv[3]);
	to = atoi(argv[4]);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, dup2(memfd_create("judge", 0), SHARED_FD), 0);
	if (shared == MAP_FAILED || ftruncate(SHARED_FD, sizeof(*shared)) < 0)
		fail("mmap");
	lines(script, FILES, make_line);
	lines(script, "C", call_line);
	/* The next processes of the lab are not those of the next calls. */
	next_pid(LOW_PID);
	return 0;
}
