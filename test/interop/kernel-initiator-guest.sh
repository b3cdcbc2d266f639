# What the guest of kernel-initiator.test.ts does, by busybox's shell. It says each step on its console as "== STEP", waits for
# the test where that has a part in it, and ends with "== done". From the kernel's command line: portal, target.
. /host/linux-guest.sh

# The block device of a LUN.
disk() {
  echo "/dev/$(ls /sys/bus/scsi/devices/*:0:0:"$1"/block)"
}

drop_caches() {
  sync
  echo 3 >/proc/sys/vm/drop_caches
}

expect_sum() {
  sum=$(sha256sum <"$1")
  [ "$sum" = "$IMAGE_SUM" ] || { echo "!! $1 is damaged"; exit 1; }
}

# Writes copies of the image, waits for each to be on stable storage; the test restarts the daemon meanwhile.
write_load() {
  step "$1"
  for copy in 1 2 3 4 5; do dd if=/host/random.img of="/mnt/$1.$copy" bs=256k conv=fsync 2>/dev/null; done
  await "$1-written"
}

check_load() {
  for copy in 1 2 3 4 5; do expect_sum "/mnt/$1.$copy"; done
}

remount() {
  umount /mnt
  drop_caches
  e2fsck -f -n "$FILES"
  mount -t ext4 "$FILES" /mnt
}

step login
cat >/etc/iscsi/iscsid.conf <<'END'
node.startup = manual
node.conn[0].iscsi.HeaderDigest = CRC32C
node.conn[0].iscsi.DataDigest = CRC32C
node.session.auth.authmethod = CHAP
node.session.auth.chap_algs = SHA3-256,SHA256,SHA1,MD5
node.session.auth.username = linux
node.session.auth.password = the-hosts-secret
node.session.auth.username_in = disk
node.session.auth.password_in = what-the-disk-knows
END
modprobe sd_mod
iscsid -f &
sleep 1
iscsiadm -m discovery -t sendtargets -p "$portal"
iscsiadm -m discoverydb -t sendtargets -p "$portal" -o delete || true
log_in "$portal" 1
while [ ! -e /sys/bus/scsi/devices/0:0:0:0/block ] || [ ! -e /sys/bus/scsi/devices/0:0:0:1/block ]; do sleep 0.1; done
iscsiadm -m session -P 3
FILES=$(disk 0)
RAW=$(disk 1)
IMAGE_SUM=$(sha256sum </host/random.img)

step raw
dd if=/host/random.img of="$RAW" bs=1M oflag=direct
drop_caches
expect_sum "$RAW"

step files
mkfs.ext4 -q "$FILES"
mount -t ext4 "$FILES" /mnt
cp /host/random.img /mnt/image
mkdir /mnt/small
for name in $(seq 200); do echo "$name" >"/mnt/small/$name"; done
remount
expect_sum /mnt/image
for name in $(seq 200); do [ "$(cat "/mnt/small/$name")" = "$name" ]; done

await trim
rm /mnt/image
sync
fstrim -v /mnt
await trimmed

write_load sigterm
remount
check_load sigterm
rm /mnt/sigterm.*
write_load sigkill
remount
check_load sigkill
umount /mnt

step logout
iscsiadm -m node -T "$target" -p "$portal" --logout
step kernel
dmesg
step done
