/*
 * PID 1 of the kernel lab.
 *
 * In: /lab/links (pairs of paths, hard links to make) and /lab/jobs (commands to run, in order).
 * Out: one record per job on /dev/ttyS1, then "END", then power off. Host side: tests/lab/harness/job.rs.
 *
 * /lab/jobs: per job a line "JOB <id> <timeout ms> <argc>" and argc lines, one argument each.
 * Record: a line "RESULT <id> <exit|signal|timeout> <value> <start> <end> <stdout bytes> <stderr bytes>", the bytes
 * of stdout, the bytes of stderr, a newline. Times are nanoseconds of the wall clock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/route.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MAX_ARGS 256
#define MAX_OUTPUT (4 * 1024 * 1024)

static int results = -1;

static void power_off(void)
{
	sync();
	if (results >= 0)
		tcdrain(results);
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void fatal(const char *what)
{
	printf("lab init: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	power_off();
}

static void mount_at(const char *type, const char *dir, int required)
{
	mkdir(dir, 0755);
	if (mount(type, dir, type, 0, NULL) < 0 && required)
		fatal(dir);
}

static void mount_all(void)
{
	mount_at("proc", "/proc", 1);
	mount_at("sysfs", "/sys", 1);
	mount_at("devtmpfs", "/dev", 1);
	mount_at("bpf", "/sys/fs/bpf", 1);
	mount_at("tracefs", "/sys/kernel/tracing", 1);
	mount_at("debugfs", "/sys/kernel/debug", 0);
	mount_at("securityfs", "/sys/kernel/security", 1);
	mount_at("cgroup2", "/sys/fs/cgroup", 1);
	mount_at("tmpfs", "/tmp", 1);
	mount_at("tmpfs", "/run", 1);
	chmod("/tmp", 01777);
}

/* Loopback up, and a default route through it so that a connect to any IPv4 address reaches tcp_connect. */
static void network_up(void)
{
	struct ifreq ifr = {0};
	struct rtentry route = {0};
	struct sockaddr_in *any;
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	strcpy(ifr.ifr_name, "lo");
	ifr.ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK;
	if (ioctl(s, SIOCSIFFLAGS, &ifr) < 0)
		fatal("lo");
	any = (struct sockaddr_in *)&route.rt_dst;
	any->sin_family = AF_INET;
	any = (struct sockaddr_in *)&route.rt_genmask;
	any->sin_family = AF_INET;
	route.rt_flags = RTF_UP;
	route.rt_dev = "lo";
	if (ioctl(s, SIOCADDRT, &route) < 0)
		fatal("route");
	close(s);
}

static void make_parents(char *path)
{
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(path, 0755);
		*p = '/';
	}
}

static char *read_line(FILE *f)
{
	static char *line;
	static size_t cap;
	ssize_t n = getline(&line, &cap, f);

	if (n <= 0)
		return NULL;
	if (line[n - 1] == '\n')
		line[n - 1] = 0;
	return strdup(line);
}

static void make_links(void)
{
	FILE *f = fopen("/lab/links", "re");
	char *from, *to;

	if (!f)
		fatal("/lab/links");
	while ((from = read_line(f)) && (to = read_line(f))) {
		make_parents(to);
		if (link(from, to) < 0)
			fatal(to);
	}
	fclose(f);
}

static void open_results(void)
{
	struct termios t;

	results = open("/dev/ttyS1", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (results < 0 || tcgetattr(results, &t) < 0)
		fatal("/dev/ttyS1");
	cfmakeraw(&t);
	cfsetspeed(&t, B115200);
	tcsetattr(results, TCSANOW, &t);
}

static void send_bytes(const char *buf, size_t len)
{
	while (len) {
		ssize_t n = write(results, buf, len);
		if (n < 0)
			fatal("result port");
		buf += n;
		len -= n;
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static long long wall_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

struct stream {
	int fd;
	size_t len;
	char buf[MAX_OUTPUT];
};

static struct stream out, err;

static void drain(struct stream *s)
{
	static char overflow[4096];
	ssize_t n;

	while (s->fd >= 0) {
		char *to = s->len < MAX_OUTPUT ? s->buf + s->len : overflow;
		size_t room = s->len < MAX_OUTPUT ? MAX_OUTPUT - s->len : sizeof(overflow);

		n = read(s->fd, to, room);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close(s->fd);
			s->fd = -1;
		} else if (to != overflow) {
			s->len += n;
		}
	}
}

static pid_t spawn(char **argv)
{
	int o[2], e[2], null;
	pid_t pid;

	if (pipe2(o, O_CLOEXEC) < 0 || pipe2(e, O_CLOEXEC) < 0)
		fatal("pipe");
	pid = fork();
	if (pid < 0)
		fatal("fork");
	if (!pid) {
		setsid();
		null = open("/dev/null", O_RDONLY);
		dup2(null, 0);
		dup2(o[1], 1);
		dup2(e[1], 2);
		execv(argv[0], argv);
		_exit(errno);
	}
	close(o[1]);
	close(e[1]);
	fcntl(o[0], F_SETFL, O_NONBLOCK);
	fcntl(e[0], F_SETFL, O_NONBLOCK);
	out.fd = o[0];
	err.fd = e[0];
	out.len = err.len = 0;
	return pid;
}

static void wait_for_input(void)
{
	struct pollfd p[2] = {{out.fd, POLLIN, 0}, {err.fd, POLLIN, 0}};

	poll(p, 2, 5);
}

/* Runs a job to its end or its timeout; what it left in the background keeps running until the power goes off. */
static void run_job(const char *id, long timeout_ms, char **argv)
{
	int64_t start = now_ms();
	long long began = wall_clock();
	pid_t pid = spawn(argv), got = 0;
	int status = 0, timed_out = 0;
	const char *kind;
	char head[256];
	int value;

	while (!(got = waitpid(pid, &status, WNOHANG))) {
		wait_for_input();
		drain(&out);
		drain(&err);
		if (!timed_out && now_ms() - start > timeout_ms) {
			timed_out = 1;
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
		}
	}
	drain(&out);
	drain(&err);
	if (out.fd >= 0)
		close(out.fd);
	if (err.fd >= 0)
		close(err.fd);
	kind = timed_out ? "timeout" : WIFSIGNALED(status) ? "signal" : "exit";
	value = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	snprintf(head, sizeof(head), "RESULT %s %s %d %lld %lld %zu %zu\n", id, kind, value, began, wall_clock(), out.len,
		 err.len);
	send_bytes(head, strlen(head));
	send_bytes(out.buf, out.len);
	send_bytes(err.buf, err.len);
	send_bytes("\n", 1);
	while (waitpid(-1, &status, WNOHANG) > 0)
		;
}

static void run_jobs(void)
{
	FILE *f = fopen("/lab/jobs", "re");
	char *line, *argv[MAX_ARGS + 1], id[64];
	long timeout_ms;
	int argc;

	if (!f)
		fatal("/lab/jobs");
	while ((line = read_line(f))) {
		if (sscanf(line, "JOB %63s %ld %d", id, &timeout_ms, &argc) != 3 || argc < 1 || argc > MAX_ARGS)
			fatal("bad job line");
		for (int i = 0; i < argc; i++)
			argv[i] = read_line(f);
		argv[argc] = NULL;
		run_job(id, timeout_ms, argv);
	}
	fclose(f);
}

int main(void)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

	setvbuf(stdout, NULL, _IOLBF, 0);
	mount_all();
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	setenv("PATH", "/bin:/usr/bin:/sbin:/usr/sbin", 1);
	network_up();
	make_links();
	open_results();
	send_bytes("BEGIN\n", 6);
	run_jobs();
	send_bytes("END\n", 4);
	power_off();
}
