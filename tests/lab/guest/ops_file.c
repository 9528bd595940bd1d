/* Operations on files: opening, reading, changing names, mounting. They share one current descriptor. */
#include "trigger.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int fd = -1;

static int parse_flags(const char *text)
{
	int flags = 0;

	for (; *text; text++) {
		switch (*text) {
		case 'r': flags |= O_RDONLY; break;
		case 'w': flags |= O_WRONLY; break;
		case 'b': flags |= O_RDWR; break;
		case 'c': flags |= O_CREAT; break;
		case 't': flags |= O_TRUNC; break;
		case 'a': flags |= O_APPEND; break;
		case 'x': flags |= O_EXCL; break;
		case 'n': flags |= O_NOFOLLOW; break;
		case 'd': flags |= O_DIRECTORY; break;
		default: usage(text);
		}
	}
	return flags;
}

static int op_open(struct words *w)
{
	char *path = take(w);
	int flags = parse_flags(take(w));

	fd = syscall(SYS_openat, AT_FDCWD, path, flags, 0644);
	return outcome(fd);
}

static int op_read(struct words *w)
{
	static char buf[65536];
	long n = take_number(w);

	return outcome(read(fd, buf, n > (long)sizeof(buf) ? (long)sizeof(buf) : n));
}

static int op_write(struct words *w)
{
	char *text = take(w);

	return outcome(write(fd, text, strlen(text)));
}

/* write-fill N C: one write of N bytes C. */
static int op_write_fill(struct words *w)
{
	long n = take_number(w);
	char c = *take(w), *buf = malloc(n);
	int err;

	memset(buf, c, n);
	err = outcome(write(fd, buf, n));
	free(buf);
	return err;
}

/* write-to FD TEXT: a write to a descriptor given by number. */
static int op_write_to(struct words *w)
{
	int to = take_number(w);
	char *text = take(w);

	return outcome(write(to, text, strlen(text)));
}

static int op_dup_to(struct words *w)
{
	return outcome(dup2(fd, take_number(w)));
}

static int op_close(struct words *w)
{
	(void)w;
	return outcome(close(fd));
}

static int op_truncate(struct words *w)
{
	char *path = take(w);

	return outcome(truncate(path, take_number(w)));
}

static int op_ftruncate(struct words *w)
{
	return outcome(ftruncate(fd, take_number(w)));
}

static int op_unlink(struct words *w)
{
	return outcome(unlink(take(w)));
}

static int op_rename(struct words *w)
{
	char *from = take(w);

	return outcome(rename(from, take(w)));
}

static int op_link(struct words *w)
{
	char *from = take(w);

	return outcome(link(from, take(w)));
}

static int op_symlink(struct words *w)
{
	char *to = take(w);

	return outcome(symlink(to, take(w)));
}

static int op_chmod(struct words *w)
{
	char *path = take(w);

	return outcome(chmod(path, take_number(w)));
}

static int op_mkdir(struct words *w)
{
	char *path = strdup(take(w));

	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(path, 0755);
		*p = '/';
	}
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return errno;
	free(path);
	return 0;
}

static int op_rmdir(struct words *w)
{
	return outcome(rmdir(take(w)));
}

/* file PATH TEXT: makes a file with its directories. */
static int op_file(struct words *w)
{
	char *path = strdup(take(w)), *text = take(w), *slash = strrchr(path, '/');
	struct words dir = {&path, 1};
	int f;

	if (slash && slash != path) {
		*slash = 0;
		op_mkdir(&dir);
		*slash = '/';
	}
	f = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (f < 0 || write(f, text, strlen(text)) < 0)
		return errno;
	free(path);
	return outcome(close(f));
}

static int op_chdir(struct words *w)
{
	return outcome(chdir(take(w)));
}

static int op_chroot(struct words *w)
{
	char *path = take(w);

	if (chroot(path) < 0)
		return errno;
	return outcome(chdir("/"));
}

static int op_mount_tmpfs(struct words *w)
{
	return outcome(mount("tmpfs", take(w), "tmpfs", 0, NULL));
}

static int op_bind(struct words *w)
{
	char *from = take(w);

	return outcome(mount(from, take(w), NULL, MS_BIND, NULL));
}

static int op_umount(struct words *w)
{
	return outcome(umount2(take(w), MNT_DETACH));
}

/*
 * deep DIR DEPTH LENGTH FILE: goes DEPTH directories down from DIR, each LENGTH letters long (made when missing), and
 * opens FILE there. Steps with chdir, so the whole path may be longer than PATH_MAX.
 */
static int op_deep(struct words *w)
{
	char *dir = take(w), *name;
	long depth = take_number(w), length = take_number(w);

	if (chdir(dir) < 0)
		return errno;
	name = calloc(1, length + 1);
	memset(name, 'd', length);
	for (; depth; depth--) {
		if (mkdir(name, 0755) < 0 && errno != EEXIST)
			return errno;
		if (chdir(name) < 0)
			return errno;
	}
	free(name);
	fd = open(take(w), O_RDWR | O_CREAT, 0644);
	return outcome(fd);
}

static int op_memfd(struct words *w)
{
	fd = memfd_create(take(w), 0);
	return outcome(fd);
}

static int op_pipe(struct words *w)
{
	int p[2];

	(void)w;
	if (pipe(p) < 0)
		return errno;
	fd = p[1];
	return 0;
}

const struct op file_ops[] = {
	{"bind", op_bind},
	{"chdir", op_chdir},
	{"chmod", op_chmod},
	{"chroot", op_chroot},
	{"close", op_close},
	{"deep", op_deep},
	{"dup-to", op_dup_to},
	{"file", op_file},
	{"ftruncate", op_ftruncate},
	{"link", op_link},
	{"memfd", op_memfd},
	{"mkdir", op_mkdir},
	{"mount-tmpfs", op_mount_tmpfs},
	{"open", op_open},
	{"pipe", op_pipe},
	{"read", op_read},
	{"rename", op_rename},
	{"rmdir", op_rmdir},
	{"symlink", op_symlink},
	{"truncate", op_truncate},
	{"umount", op_umount},
	{"unlink", op_unlink},
	{"write", op_write},
	{"write-fill", op_write_fill},
	{"write-to", op_write_to},
	{NULL, NULL},
};
