/*
 * exchange ONE OTHER: exchanges two names, again and again, until it is killed: renameat2(2),
 * RENAME_EXCHANGE. It says so when it has begun.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	puts("exchanging");
	fflush(stdout);
	for (;;)
		if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) < 0) {
			perror("exchange");
			return 1;
		}
}
