/* What may be installed as pasta: it fails, or (HANGS) does nothing at all. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
#ifdef HANGS
	for (;;)
		pause();
#endif
	fputs("Sorry, no\n", stderr);
	return 3;
}
