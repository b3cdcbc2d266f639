# The guest of guest-shell.ts: it logs in to the target by each portal, then runs what is typed at its console, a line at a time, and
# says "== exit N" after the output of each. /dev/a0 is LUN 0 by the first portal as a generic device, /dev/b0 by the second, and
# so on; /dev/block-a0 is its block device. From the kernel's command line: portals, in the order of their target portal groups from 1
# on; target; luns, how many from 0 on.
. /host/linux-guest.sh

# The SCSI device of a LUN ($3) by a session ($1), by the names of its path ($2).
name_device() {
  device=/sys/bus/scsi/devices/$1:0:0:$3
  while [ ! -e "$device/block" ] || [ ! -e "$device/scsi_generic" ]; do sleep 0.1; done
  ln -s "$(ls "$device/scsi_generic")" "/dev/$2$3"
  ln -s "$(ls "$device/block")" "/dev/block-$2$3"
}

for module in sg sd_mod sr_mod isofs; do modprobe $module; done
# What the kernel says of errors is for dmesg.
echo 1 >/proc/sys/kernel/printk
stty -echo
iscsid -f &
sleep 1
group=1
for portal in $(echo "$portals" | tr , ' '); do
  log_in "$portal" "$group"
  for lun in $(seq 0 $((luns - 1))); do
    name_device $((group - 1)) "$(echo " ab" | cut -c $((group + 1)))" "$lun"
  done
  group=$((group + 1))
done

step shell
while read -r line; do
  (eval "$line") </dev/null 2>&1 && status=0 || status=$?
  printf '\n== exit %d\n' $status
done
