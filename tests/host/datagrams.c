/*
 * datagrams answer ADDRESS PORT       gives each datagram back, and says what came; "ready" when it can
 * datagrams ask ADDRESS PORT TEXT     sends one and says what comes back, or "nobody" after three seconds
 * datagrams forge ADDRESS PORT TEXT   sends one as a frame on eth0, packet(7), whatever the routes are
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int open_socket(const char *address, const char *port, int (*use)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port)) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = four.sin_port };
	int is_four = inet_pton(AF_INET, address, &four.sin_addr);

	if (!is_four && inet_pton(AF_INET6, address, &six.sin6_addr) != 1)
		return -1;
	int fd = socket(is_four ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
	const struct sockaddr *name = is_four ? (void *)&four : (void *)&six;
	if (fd < 0 || use(fd, name, is_four ? sizeof four : sizeof six) < 0)
		return -1;
	return fd;
}

static int answer(const char *address, const char *port)
{
	char text[65536];
	struct sockaddr_storage from;
	int fd = open_socket(address, port, bind);

	if (fd < 0)
		return fail("bind");
	puts("ready");
	fflush(stdout);
	for (;;) {
		socklen_t size = sizeof from;
		ssize_t length = recvfrom(fd, text, sizeof text, 0, (struct sockaddr *)&from, &size);
		if (length < 0)
			return fail("recvfrom");
		printf("%.*s\n", (int)length, text);
		fflush(stdout);
		sendto(fd, text, (size_t)length, 0, (struct sockaddr *)&from, size);
	}
}

static int ask(const char *address, const char *port, const char *text)
{
	char back[65536];
	struct timeval patience = { .tv_sec = 3 };
	int fd = open_socket(address, port, connect);

	if (fd < 0)
		return fail("connect");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (send(fd, text, strlen(text), 0) < 0)
		return fail("send");
	ssize_t length = recv(fd, back, sizeof back, 0);
	if (length < 0)
		puts("nobody");
	else
		printf("%.*s\n", (int)length, back);
	return 0;
}

static unsigned short checksum(const void *data, size_t length)
{
	const unsigned char *byte = data;
	unsigned long sum = 0;

	for (size_t at = 0; at + 1 < length; at += 2)
		sum += (unsigned long)(byte[at] << 8 | byte[at + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((unsigned short)~sum);
}

static int forge(const char *address, const char *port, const char *text)
{
	struct {
		struct ether_header link;
		struct iphdr network;
		struct udphdr transport;
		char text[64];
	} __attribute__((packed)) frame = { .link = { .ether_type = htons(ETHERTYPE_IP) } };
	size_t length = strlen(text);
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("eth0"), .sll_halen = 6 };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	if (fd < 0)
		return fail("socket");
	if (length > sizeof frame.text)
		return 2;
	memset(frame.link.ether_dhost, 0xff, 6);
	frame.link.ether_shost[0] = 2;
	frame.network = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP };
	frame.network.tot_len = htons((unsigned short)(sizeof frame.network + sizeof frame.transport + length));
	frame.network.saddr = inet_addr("192.0.2.2");
	frame.network.daddr = inet_addr(address);
	unsigned short sum = checksum(&frame.network, sizeof frame.network);
	frame.network.check = sum;
	frame.transport.source = htons(5000);
	frame.transport.dest = htons((unsigned short)atoi(port));
	frame.transport.len = htons((unsigned short)(sizeof frame.transport + length));
	memcpy(frame.text, text, length);
	size_t size = sizeof frame - sizeof frame.text + length;
	if (sendto(fd, &frame, size, 0, (struct sockaddr *)&to, sizeof to) < 0)
		return fail("sendto");
	puts("sent");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "answer") == 0)
		return answer(argv[2], argv[3]);
	if (argc == 5 && strcmp(argv[1], "ask") == 0)
		return ask(argv[2], argv[3], argv[4]);
	if (argc == 5 && strcmp(argv[1], "forge") == 0)
		return forge(argv[2], argv[3], argv[4]);
	return 2;
}
