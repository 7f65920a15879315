/* Exchanges two names again and again until it is ended: renameat2(2), RENAME_EXCHANGE. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	while (argc == 3)
		if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) != 0)
			return 1;
	return 2;
}
