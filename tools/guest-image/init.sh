#!/bin/busybox sh
# Process 1 of Drover's small guest: modules, the data disk with its boot counter, the power button, the guest agent.
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root

while read -r module; do insmod "/modules/$module.ko"; done < /modules/first
(while read -r module; do insmod "/modules/$module.ko"; done < /modules/later) &

# Written beside and renamed, each step synced: a power cut leaves the old count or the new.
if [ -b /dev/vda ] && mount -t ext4 -o noatime /dev/vda /data; then
  read -r count 2>/dev/null < /data/boot-count || count=0
  echo $((count + 1)) > /data/boot-count.new
  sync
  mv /data/boot-count.new /data/boot-count
  sync
  echo "drover guest: boot $((count + 1))" > /dev/console
else
  echo 'drover guest: no data disk' > /dev/console
fi

ip link set lo up
acpid -d -c /etc/acpi -l /dev/null > /dev/null 2>&1 &

# The name of a virtio port arrives from the host a moment after its driver.
until [ -n "$port" ]; do
  for name in /sys/class/virtio-ports/*/name; do
    [ "$(cat "$name" 2>/dev/null)" = org.qemu.guest_agent.0 ] && port=${name%/name} && port=/dev/${port##*/}
  done
  [ -n "$port" ] || sleep 0.02
done

# In the foreground and for ever: waiting for it, process 1 also takes in orphans.
while :; do
  qemu-ga --method virtio-serial --path "$port" --statedir /run
  sleep 0.05
done
