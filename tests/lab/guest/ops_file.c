/* Operations on files: opening, reading, changing names, mounting. They share one current descriptor. */
#include "trigger.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int fd = -1;

int current_file(void)
{
	return fd;
}

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

/* write-long TEXT N: one write of N bytes that begin with TEXT and go on with dots. */
static int op_write_long(struct words *w)
{
	char *text = take(w), *buf;
	long n = take_number(w);
	int err;

	buf = malloc(n);
	memset(buf, '.', n);
	memcpy(buf, text, strlen(text));
	err = outcome(write(fd, buf, n));
	free(buf);
	return err;
}

/* write-nowhere N: a write of N bytes from memory that is not mapped; EFAULT counts as success. */
static int op_write_nowhere(struct words *w)
{
	int err = outcome(write(fd, (void *)0x1000, take_number(w)));

	return err == EFAULT ? 0 : err;
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

/* symlink TO AT: makes a link, in place of one that may be there. */
static int op_symlink(struct words *w)
{
	char *to = take(w), *at = take(w);

	unlink(at);
	return outcome(symlink(to, at));
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

/* clear DIR: removes a directory with its files. */
static int op_clear(struct words *w)
{
	char *dir = take(w), path[4096];
	DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	return outcome(rmdir(dir));
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

/* mount SOURCE TARGET TYPE FLAGS */
static int op_mount(struct words *w)
{
	char *from = take(w), *to = take(w), *type = take(w);

	return outcome(mount(from, to, type, take_number(w), NULL));
}

/* mount-fill N FLAGS: a mount whose source, target, type and data are N letters long; the kernel refuses it. */
static int op_mount_fill(struct words *w)
{
	long n = take_number(w);
	char *text = calloc(1, n + 1);

	memset(text, 'm', n);
	mount(text, text, text, take_number(w), text);
	free(text);
	return 0;
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

static int op_eventfd(struct words *w)
{
	(void)w;
	fd = eventfd(0, 0);
	return outcome(fd);
}

static int op_socket(struct words *w)
{
	(void)w;
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	return outcome(fd);
}

/* tmpfile DIR: an unnamed file. */
static int op_tmpfile(struct words *w)
{
	fd = open(take(w), O_TMPFILE | O_RDWR, 0600);
	return outcome(fd);
}

/* open-only PATH: a descriptor that names a file and gives no access to it. */
static int op_open_only(struct words *w)
{
	fd = open(take(w), O_PATH);
	return outcome(fd);
}

/* open-nonblock PATH: opens a FIFO, too. */
static int op_open_nonblock(struct words *w)
{
	fd = open(take(w), O_RDONLY | O_NONBLOCK);
	return outcome(fd);
}

static int op_fifo(struct words *w)
{
	return outcome(mkfifo(take(w), 0644));
}

/* fcntl-many N FIRST: fcntl(fd, F_GETFD) with the arguments FIRST, FIRST + 1, ..., which do not matter to the call. */
static int op_fcntl_many(struct words *w)
{
	long n = take_number(w), first = take_number(w);

	for (long i = 0; i < n; i++)
		syscall(SYS_fcntl, fd, F_GETFD, first + i);
	return 0;
}

/* hex PATH: prints a file's bytes as hexadecimal digits. */
static int op_hex(struct words *w)
{
	FILE *f = fopen(take(w), "re");
	int byte;

	if (!f)
		return errno;
	while ((byte = getc(f)) != EOF)
		printf("%02x", byte);
	fclose(f);
	return 0;
}

const struct op file_ops[] = {
	{"bind", op_bind},
	{"chdir", op_chdir},
	{"chmod", op_chmod},
	{"chroot", op_chroot},
	{"clear", op_clear},
	{"close", op_close},
	{"deep", op_deep},
	{"dup-to", op_dup_to},
	{"eventfd", op_eventfd},
	{"fcntl-many", op_fcntl_many},
	{"fifo", op_fifo},
	{"file", op_file},
	{"ftruncate", op_ftruncate},
	{"hex", op_hex},
	{"link", op_link},
	{"memfd", op_memfd},
	{"mkdir", op_mkdir},
	{"mount", op_mount},
	{"mount-fill", op_mount_fill},
	{"mount-tmpfs", op_mount_tmpfs},
	{"open", op_open},
	{"open-nonblock", op_open_nonblock},
	{"open-only", op_open_only},
	{"pipe", op_pipe},
	{"read", op_read},
	{"rename", op_rename},
	{"rmdir", op_rmdir},
	{"socket", op_socket},
	{"symlink", op_symlink},
	{"tmpfile", op_tmpfile},
	{"truncate", op_truncate},
	{"umount", op_umount},
	{"unlink", op_unlink},
	{"write", op_write},
	{"write-fill", op_write_fill},
	{"write-long", op_write_long},
	{"write-nowhere", op_write_nowhere},
	{"write-to", op_write_to},
	{NULL, NULL},
};
