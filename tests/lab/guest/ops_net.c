/* Operations on sockets. Addresses are IPv4, IPv6 or v4-mapped literals; `tcp` listens for itself on loopback. */
#include "trigger.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_storage source;
static socklen_t source_len;

static socklen_t parse_address(const char *ip, int port, struct sockaddr_storage *to)
{
	struct sockaddr_in *v4 = (void *)to;
	struct sockaddr_in6 *v6 = (void *)to;

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, ip, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return sizeof(*v6);
	}
	usage(ip);
}

static socklen_t take_address(struct words *w, struct sockaddr_storage *to)
{
	char *ip = take(w);

	return parse_address(ip, take_number(w), to);
}

/* from IP PORT: the source of the next connection; port 0 lets the kernel choose. */
static int op_from(struct words *w)
{
	source_len = take_address(w, &source);
	return 0;
}

static int new_socket(int family, int type)
{
	int one = 1, s = socket(family, type, 0);

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (s >= 0 && source_len && bind(s, (void *)&source, source_len) < 0)
		return -1;
	return s;
}

/*
 * connect IP PORT: a TCP connection. A refused or unfinished one counts as success: the kernel has sent the SYN,
 * so nothing forbade it.
 */
static int op_connect(struct words *w)
{
	struct sockaddr_storage to;
	socklen_t len = take_address(w, &to);
	int s = new_socket(to.ss_family, SOCK_STREAM), err = 0;

	if (s < 0)
		return errno;
	fcntl(s, F_SETFL, O_NONBLOCK);
	if (connect(s, (void *)&to, len) < 0 && errno != EINPROGRESS && errno != ECONNREFUSED)
		err = errno;
	close(s);
	return err;
}

static int listen_on(struct sockaddr_storage *at, socklen_t len)
{
	int one = 1, s = socket(at->ss_family, SOCK_STREAM, 0);

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (s >= 0 && (bind(s, (void *)at, len) < 0 || listen(s, 8) < 0))
		return -1;
	return s;
}

/* tcp IP PORT: listens, connects to itself, accepts, exchanges a byte and closes. */
static int op_tcp(struct words *w)
{
	struct sockaddr_storage to;
	socklen_t len = take_address(w, &to);
	int l = listen_on(&to, len), c, a;
	char byte = 'x';

	if (l < 0 || (c = new_socket(to.ss_family, SOCK_STREAM)) < 0)
		return errno;
	if (connect(c, (void *)&to, len) < 0 || (a = accept(l, NULL, NULL)) < 0)
		return errno;
	if (send(c, &byte, 1, MSG_NOSIGNAL) < 0 || recv(a, &byte, 1, 0) < 0)
		return errno;
	close(c);
	close(a);
	close(l);
	return 0;
}

static int op_listen(struct words *w)
{
	struct sockaddr_storage at;
	socklen_t len = take_address(w, &at);

	return outcome(listen_on(&at, len));
}

static int op_udp(struct words *w)
{
	struct sockaddr_storage to;
	socklen_t len = take_address(w, &to);
	int s = new_socket(to.ss_family, SOCK_DGRAM), err;

	if (s < 0)
		return errno;
	err = outcome(sendto(s, "x", 1, 0, (void *)&to, len));
	close(s);
	return err;
}

static int op_udp_connect(struct words *w)
{
	struct sockaddr_storage to;
	socklen_t len = take_address(w, &to);
	int s = new_socket(to.ss_family, SOCK_DGRAM);

	return outcome(connect(s, (void *)&to, len));
}

static int op_unix(struct words *w)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(at.sun_path, take(w), sizeof(at.sun_path) - 1);
	unlink(at.sun_path);
	if (bind(l, (void *)&at, sizeof(at)) < 0 || listen(l, 1) < 0)
		return errno;
	return outcome(connect(c, (void *)&at, sizeof(at)));
}

/* lo-up: brings up the loopback device of the current network namespace, with a default route for IPv4 through it. */
static int op_lo_up(struct words *w)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK};
	struct rtentry route = {.rt_flags = RTF_UP, .rt_dev = "lo"};
	int s = socket(AF_INET, SOCK_DGRAM, 0), err;

	(void)w;
	route.rt_dst.sa_family = AF_INET;
	route.rt_genmask.sa_family = AF_INET;
	err = outcome(ioctl(s, SIOCSIFFLAGS, &ifr));
	err = err ? err : outcome(ioctl(s, SIOCADDRT, &route));
	close(s);
	return err;
}

/* address IP: gives the loopback device one more IPv4 address. */
static int op_address(struct words *w)
{
	struct ifreq ifr = {.ifr_name = "lo:1"};
	struct sockaddr_storage at;
	int s = socket(AF_INET, SOCK_DGRAM, 0), err;

	parse_address(take(w), 0, &at);
	memcpy(&ifr.ifr_addr, &at, sizeof(ifr.ifr_addr));
	err = outcome(ioctl(s, SIOCSIFADDR, &ifr));
	parse_address("255.255.255.255", 0, &at);
	memcpy(&ifr.ifr_netmask, &at, sizeof(ifr.ifr_netmask));
	err = err ? err : outcome(ioctl(s, SIOCSIFNETMASK, &ifr));
	close(s);
	return err;
}

/* interface NAME: looks for a network device; the kernel asks for its module. */
static int op_interface(struct words *w)
{
	struct ifreq ifr = {0};
	int s = socket(AF_INET, SOCK_DGRAM, 0), err;

	strncpy(ifr.ifr_name, take(w), IFNAMSIZ - 1);
	err = outcome(ioctl(s, SIOCGIFINDEX, &ifr));
	close(s);
	return err;
}

/* udp-connect-unspec: dissolves the association of a datagram socket, which has an address without family. */
static int op_udp_connect_unspec(struct words *w)
{
	struct sockaddr at = {.sa_family = AF_UNSPEC};
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	(void)w;
	return outcome(connect(s, &at, sizeof(at)));
}

const struct op net_ops[] = {
	{"address", op_address},
	{"connect", op_connect},
	{"from", op_from},
	{"interface", op_interface},
	{"listen", op_listen},
	{"lo-up", op_lo_up},
	{"tcp", op_tcp},
	{"udp", op_udp},
	{"udp-connect", op_udp_connect},
	{"udp-connect-unspec", op_udp_connect_unspec},
	{"unix", op_unix},
	{NULL, NULL},
};
