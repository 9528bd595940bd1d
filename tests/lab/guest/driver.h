/* The driver: shared between its files. Words of its scripts: see driver.c. */
#ifndef DRIVER_H
#define DRIVER_H

#define _GNU_SOURCE
#include <stddef.h>
#include <sys/types.h>

/* The descriptor of the memory that the driver shares with callers, and the first of those that a caller inherits. */
#define SHARED_FD 100
#define FIRST_FD 10
#define MAX_WORDS 128
#define MAX_LINE (1 << 16)

/* What callers report, and the line that they perform. */
struct shared {
	int driver, parent, caller, started, status, done, error;
	long ret;
	unsigned long signals, inodes[10];
	char line[MAX_LINE];
};

extern struct shared *shared;

struct words {
	char *at[MAX_WORDS];
	int next;
};

/* What stands in front of a call. */
struct context {
	char *exe, *cwd, *namespaces, *argv[32], *fds[8];
	int id, uid, mess, nfds;
	pid_t pid;
	unsigned long effective, permitted, inheritable;
};

_Noreturn void fail(const char *what);
void split(char *line, struct words *w);
char *take(struct words *w);
unsigned long take_number(struct words *w);
/* Digits, after one letter, to bytes with a NUL behind them; `len` may be NULL. */
char *bytes(const char *word, size_t *len);
char *take_text(struct words *w);
void parse(struct words *w, struct context *c);
/* A caller's parent, from the moment that it is the script's program. */
int parent(void);

#endif
