#ifndef TSBOX_LAUNCH_H
#define TSBOX_LAUNCH_H

#include <linux/sched.h>
#include <stddef.h>
#include <stdint.h>

/*
 * clone3(2) a child that executes tsbox-init. `files` are the parent's descriptors that become the
 * child's 0, 1, 2 …; the last is the program itself. `args->flags` must contain CLONE_VM | CLONE_VFORK
 * and no stack: the child runs on this function's stack, below it, while the parent waits.
 * `count` is 1 to 64. Returns the child's pid, or a negative errno: of clone3, or of what the child
 * did before it executed.
 */
int64_t tsbox_launch(struct clone_args *args, const int32_t *files, size_t count);

#endif
