# What is in a QEMU that runs micro-VMs alone: QEMU's configs/devices/ has all that there is.
CONFIG_PCI_DEVICES=n
CONFIG_MICROVM=y
# No machine of tsbox's: without it QEMU cannot be linked.
CONFIG_Q35=y
# The guest channel.
CONFIG_VIRTIO_SERIAL=y
# Root file systems and shares.
CONFIG_VIRTIO_BLK=y
CONFIG_VHOST_USER_FS=y
CONFIG_VIRTIO_9P=y
# Networks.
CONFIG_VIRTIO_NET=y
# Entropy; memory that is given back.
CONFIG_VIRTIO_RNG=y
CONFIG_VIRTIO_BALLOON=y
