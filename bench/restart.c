/* The least that a guest can do: its init restarts the machine, which ends QEMU (-no-reboot). */
#include <linux/reboot.h>

#include "../native/syscall.h"

_Noreturn void _start(void);
_Noreturn void _start(void)
{
	for (;;)
		sys4(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, 0);
}
