// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A tc program that reads what `portclass run --tag metadata` leaves in front of each packet. It counts packets by class,
// and turns labels into marks, for nftables: `portclass nft` names them.
//
// Build, with clang and the kernel's headers (Debian: clang, linux-libc-dev):
//
//   clang -O2 -g -Wall -target bpf -I include -idirafter /usr/include/$(uname -m)-linux-gnu \
//         -c examples/tag_consumer.bpf.c -o tag_consumer.bpf.o
//
// Attach, where portclass runs with an XDP program:
//
//   tc qdisc add dev eth0 clsact
//   tc filter add dev eth0 ingress bpf direct-action obj tag_consumer.bpf.o sec tc
//   portclass run --iface eth0 --tag metadata
//
// Read the counters, and remove it:
//
//   bpftool map dump name tag_packets
//   tc qdisc del dev eth0 clsact

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "portclass_tag.h"

#define SEC(name) __attribute__((section(name), used))

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;

// Packets by class; the last one counts those without a tag, or of a class that this program does not know.
struct {
	int (*type)[BPF_MAP_TYPE_ARRAY];
	int (*max_entries)[PORTCLASS_CLASSES + 1];
	__u32 *key;
	__u64 *value;
} tag_packets SEC(".maps");

SEC("tc")
int tag_consumer(struct __sk_buff *skb)
{
	const struct portclass_tag *tag = portclass_tag_of((void *)(long)skb->data_meta, (void *)(long)skb->data);
	__u32 class_code = PORTCLASS_CLASSES;
	__u32 mark = 0;
	__u64 *packets;

	if (tag) {
		if (tag->class_code < PORTCLASS_CLASSES)
			class_code = tag->class_code;
		mark = portclass_tag_mark(tag);
	}
	packets = bpf_map_lookup_elem(&tag_packets, &class_code);
	if (packets)
		__sync_fetch_and_add(packets, 1);
	// What others keep in the mark stays.
	skb->mark = (skb->mark & ~PORTCLASS_MARK_MASK) | PORTCLASS_MARK_PLACE(PORTCLASS_MARK_MASK, mark);
	// Whatever comes next at this hook has its turn.
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual MIT/GPL";
