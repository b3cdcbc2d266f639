# What the guest of kernel-drive.test.ts does, by busybox's shell, as kernel-initiator-guest.sh does: steps are said as
# "== STEP", the test is waited for where it has a part, and the end is "== done". From the kernel's command line: portal, target.
set -e

step() {
  echo "== $1"
}

# Waits until the test has done its part.
await() {
  step "$1"
  while [ ! -e "/host/$1" ]; do sleep 0.1; done
}

# Mounts the disc and compares its file.
expect_file() {
  mount -t iso9660 -o ro /dev/sr0 /mnt
  cmp "/host/$1" /mnt/image.bin
}

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mount -t tmpfs iscsi /etc/iscsi
mkdir -p /run/lock/iscsi

# Nothing of this stays when the test has gone away.
(sleep 600 && poweroff -f) &

ip link set lo up
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2

step login
echo 'InitiatorName=iqn.2026-11.org.example:linux' >/etc/iscsi/initiatorname.iscsi
echo 'node.startup = manual' >/etc/iscsi/iscsid.conf
modprobe iscsi_tcp
modprobe sr_mod
modprobe isofs
iscsid -f &
sleep 1
iscsiadm -m node -o new -T "$target" -p "$portal,1"
iscsiadm -m node -T "$target" -p "$portal" --login
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
