/*
 * Trigger program of the kernel lab: one binary that performs the operations that policies watch.
 *
 * In: operations and their arguments, separated by "--": `trigger chdir /tmp -- open data r -- read 8`.
 * Out: exit code 0 when every operation succeeded, the errno of the first that failed, or 200 for a usage error.
 * Operations share one process, so `open` leaves a descriptor for a later `read`. The operations are in the tables
 * of ops_file.c, ops_net.c, ops_process.c and ops_node.c.
 */
#include "trigger.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

void usage(const char *what)
{
	fprintf(stderr, "trigger: %s\n", what);
	exit(EXIT_USAGE);
}

char *take(struct words *w)
{
	if (!w->left || !strcmp(w->at[0], "--"))
		usage("an argument is missing");
	w->left--;
	return *w->at++;
}

long take_number(struct words *w)
{
	char *end, *text = take(w);
	long n = strtoul(text, &end, 0);

	if (*end || !*text)
		usage(text);
	return n;
}

int outcome(long ret)
{
	return ret < 0 ? errno : 0;
}

int end_like(int pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		kill(getpid(), WTERMSIG(status));
		pause();
	}
	return WEXITSTATUS(status);
}

static const struct op *find(const struct op *ops, const char *name)
{
	for (; ops->name; ops++)
		if (!strcmp(ops->name, name))
			return ops;
	return NULL;
}

static int run_one(struct words *w)
{
	char *name = take(w);
	const struct op *op = find(file_ops, name);

	op = op ? op : find(net_ops, name);
	op = op ? op : find(process_ops, name);
	op = op ? op : find(node_ops, name);
	if (!op)
		usage(name);
	return op->run(w);
}

int run(struct words *w)
{
	while (w->left) {
		int err;

		if (!strcmp(*w->at, "--")) {
			w->at++;
			w->left--;
			continue;
		}
		err = run_one(w);
		if (err)
			return err;
		if (w->left && strcmp(*w->at, "--"))
			usage("too many arguments");
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct words w = {argv + 1, argc - 1};

	setvbuf(stdout, NULL, _IOLBF, 0);
	return run(&w);
}
