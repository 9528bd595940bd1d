/* The trigger program: shared between its files. */
#ifndef TRIGGER_H
#define TRIGGER_H

#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The words of a command that are still to be run. An operation takes its arguments from the front with `take`
 * and returns 0 or an errno. One that wraps the rest (fork, thread, repeat) calls `run`.
 */
struct words {
	char **at;
	int left;
};

struct op {
	const char *name;
	int (*run)(struct words *w);
};

extern const struct op file_ops[], net_ops[], process_ops[], node_ops[];

/* Exit codes that are no errno. */
#define EXIT_USAGE 200
#define EXIT_FINISHED 201

char *take(struct words *w);
long take_number(struct words *w);
int run(struct words *w);
_Noreturn void usage(const char *what);
/* 0 for success, otherwise errno; for calls that return -1 on error. */
int outcome(long ret);
/* The descriptor that the last operation on files left open. */
int current_file(void);
/* Waits for a child and ends like it: returns its exit code, or dies of the signal that killed it. */
int end_like(int pid);

#endif
