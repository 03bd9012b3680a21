// SPDX-License-Identifier: MIT OR Apache-2.0
//
// An XDP program that lets a test choose the metadata of each frame: in frames of EtherType 0x88b5 (for local experiments,
// IEEE 802) a length of 0, 8 or 12 bytes follows, and then the metadata.

#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))

static long (*const bpf_xdp_adjust_meta)(struct xdp_md *xdp, int delta) = (void *)BPF_FUNC_xdp_adjust_meta;

SEC("xdp")
int tag_writer(struct xdp_md *xdp)
{
	unsigned char *frame = (void *)(long)xdp->data;
	unsigned char *meta;
	int length, i;

	if (frame + 14 + 1 + 12 > (unsigned char *)(long)xdp->data_end)
		return XDP_PASS;
	if (frame[12] != 0x88 || frame[13] != 0xb5)
		return XDP_PASS;
	length = frame[14] == 12 ? 12 : frame[14] == 8 ? 8 : 0;
	if (!length || bpf_xdp_adjust_meta(xdp, -length))
		return XDP_PASS;
	frame = (void *)(long)xdp->data;
	meta = (void *)(long)xdp->data_meta;
	if (meta + 8 > frame || frame + 14 + 1 + 12 > (unsigned char *)(long)xdp->data_end)
		return XDP_PASS;
	for (i = 0; i < 8; i++)
		meta[i] = frame[15 + i];
	if (meta + 12 > frame)
		return XDP_PASS;
	for (i = 8; i < 12; i++)
		meta[i] = frame[15 + i];
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
