/* Words of the driver's scripts. */
#include "driver.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void fail(const char *what)
{
	fprintf(stderr, "driver: %s: %s\n", what, strerror(errno));
	_exit(99);
}

void split(char *line, struct words *w)
{
	int n = 0;

	line[strcspn(line, "\n")] = 0;
	for (char *word = strtok(line, " "); word && n < MAX_WORDS - 1; word = strtok(NULL, " "))
		w->at[n++] = word;
	w->at[n] = NULL;
	w->next = 0;
}

char *take(struct words *w)
{
	char *word = w->at[w->next];

	if (!word) {
		errno = EINVAL;
		fail("a word is missing");
	}
	w->next++;
	return word;
}

unsigned long take_number(struct words *w)
{
	return strtoul(take(w), NULL, 0);
}

char *bytes(const char *word, size_t *len)
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

char *take_text(struct words *w)
{
	return bytes(take(w), NULL);
}

void parse(struct words *w, struct context *c)
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
