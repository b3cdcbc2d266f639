# What the guest of kernel-drive.test.ts does, by busybox's shell, as kernel-initiator-guest.sh does: steps are said as
# "== STEP", the test is waited for where it has a part, and the end is "== done". From the kernel's command line: portal, target.
. /host/linux-guest.sh

# Mounts the disc and compares its file.
expect_file() {
  mount -t iso9660 -o ro /dev/sr0 /mnt
  cmp "/host/$1" /mnt/image.bin
}

step login
modprobe sr_mod
modprobe isofs
iscsid -f &
sleep 1
log_in "$portal" 1
while [ ! -e /sys/class/block/sr0 ]; do sleep 0.1; done

step drive
cat /proc/sys/dev/cdrom/info
cat /sys/class/block/sr0/size

step disc
expect_file first.bin
await held
umount /mnt
await changed
expect_file second.bin
umount /mnt
cat /sys/class/block/sr0/size

step kernel
dmesg
step done
