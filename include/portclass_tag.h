/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What portclass leaves on a packet for other programs, as they see it in C:
 *
 *   run --tag metadata   eight bytes of XDP metadata, ending where the packet begins, for tc programs at the ingress
 *                        of the same interface: struct portclass_tag
 *   run --tag mark       bits of skb->mark, for tc, nftables, `ip rule` and sockets: PORTCLASS_MARK and its kin
 *
 * Nothing is included, so that it goes with linux/types.h, vmlinux.h and neither: for C99, C++ and BPF.
 */
#ifndef PORTCLASS_TAG_H
#define PORTCLASS_TAG_H

/* The layout that this file declares; a tag of another version has another one. */
#define PORTCLASS_TAG_VERSION 1

/* Everything is in native byte order. */
struct portclass_tag {
	unsigned char version;    /* PORTCLASS_TAG_VERSION */
	unsigned char class_code; /* an enum portclass_class; later versions may know more of them */
	unsigned char protocol;   /* the IP protocol number in the packet's header; 0 where none is known */
	unsigned char reserved;
	unsigned short port; /* the port that decided; 0 for a packet without ports */
	unsigned short reserved_too;
};

/* C99 has no static assertion. */
typedef char portclass_tag_has_eight_bytes[sizeof(struct portclass_tag) == 8 ? 1 : -1];

/* A packet has a service's name, or a reason why it has none. */
enum portclass_class {
	PORTCLASS_LABELLED = 0,
	PORTCLASS_DYNAMIC = 1,     /* a port from 49152 up that is not in the registry */
	PORTCLASS_UNASSIGNED = 2,  /* a port below that without a named row */
	PORTCLASS_RESERVED = 3,    /* the registry's own words for the port: */
	PORTCLASS_PRIVATE_USE = 4,
	PORTCLASS_WITHDRAWN = 5,
	PORTCLASS_FRAGMENT = 6,    /* a later fragment: the ports are in the first one */
	PORTCLASS_PROTOCOL = 7,    /* an IP protocol without ports */
	PORTCLASS_NON_IP = 8,      /* no IP packet */
	PORTCLASS_TRUNCATED = 9,   /* a header that does not fit in the frame or in the IP length */
	PORTCLASS_MALFORMED = 10,  /* a field that contradicts its protocol */
	PORTCLASS_TOO_DEEP = 11    /* more tags or extension headers than portclass follows, or headers beyond 32,512 bytes */
};
#define PORTCLASS_CLASSES 12

/* The transports of a mark; 0 stands for a packet without a label. UDP-Lite, which shares UDP's ports, is UDP. */
enum portclass_transport {
	PORTCLASS_TCP = 1,
	PORTCLASS_UDP = 2,
	PORTCLASS_DCCP = 3,
	PORTCLASS_SCTP = 4
};

/*
 * The value of a mark: it depends on transport and port alone, never on a registry, and 0 stands for a packet without a
 * label. `portclass nft` prints these values by service for nftables.
 */
#define PORTCLASS_MARK(transport, port) ((unsigned int)(transport) << 16 | (unsigned int)(port))
#define PORTCLASS_MARK_TCP(port) PORTCLASS_MARK(PORTCLASS_TCP, port)
#define PORTCLASS_MARK_UDP(port) PORTCLASS_MARK(PORTCLASS_UDP, port)
#define PORTCLASS_MARK_DCCP(port) PORTCLASS_MARK(PORTCLASS_DCCP, port)
#define PORTCLASS_MARK_SCTP(port) PORTCLASS_MARK(PORTCLASS_SCTP, port)
#define PORTCLASS_MARK_TRANSPORT(value) ((unsigned int)(value) >> 16 & 0x7u)
#define PORTCLASS_MARK_PORT(value) ((unsigned int)(value) & 0xffffu)

/*
 * Where that value lies in skb->mark. Programs that share the mark are given other bits with `run --mark-mask`; bits
 * outside of the mask are somebody else's:
 *
 *   if (PORTCLASS_MARK_VALUE(mask, skb->mark) == PORTCLASS_MARK_TCP(443)) ...
 *   skb->mark = (skb->mark & ~mask) | PORTCLASS_MARK_PLACE(mask, PORTCLASS_MARK_TCP(443));
 */
#define PORTCLASS_MARK_MASK 0x0007ffffu
#define PORTCLASS_MARK_LOWEST_BIT(mask) ((unsigned int)(mask) & (0u - (unsigned int)(mask)))
#define PORTCLASS_MARK_PLACE(mask, value) (((unsigned int)(value) * PORTCLASS_MARK_LOWEST_BIT(mask)) & (unsigned int)(mask))
#define PORTCLASS_MARK_VALUE(mask, mark) (((unsigned int)(mark) & (unsigned int)(mask)) / PORTCLASS_MARK_LOWEST_BIT(mask))

/* Both have to be inlined in BPF: pointers into a packet go through no call that the verifier checks by itself. */
#define PORTCLASS_INLINE static inline __attribute__((always_inline, unused))

/*
 * The tag of a packet, or a null pointer where there is none of this version: the last eight bytes in front of the packet,
 * whatever else another program has put before them. For BPF, with skb->data_meta and skb->data (or those of struct
 * xdp_md).
 */
PORTCLASS_INLINE const struct portclass_tag *portclass_tag_of(const void *data_meta, const void *data)
{
	/*
	 * Programs that run later put their metadata before ours. There is room for 32 bytes, in steps of four, so that the
	 * last place where a tag fits is the one that ends at the packet. The verifier learns from "greater" alone what can
	 * be read, and with constant offsets.
	 */
	enum { ROOM = 32, STEP = 4 };
	const struct portclass_tag *tag = 0;
	unsigned int offset;

#if defined(__clang__)
#pragma unroll
#endif
	for (offset = 0; offset <= ROOM - sizeof(*tag); offset += STEP) {
		const struct portclass_tag *next = (const struct portclass_tag *)((const char *)data_meta + offset);

		if ((const void *)(next + 1) > data)
			break;
		tag = next;
	}
	return tag && tag->version == PORTCLASS_TAG_VERSION ? tag : 0;
}

/* The value of the mark that belongs to a tag. */
PORTCLASS_INLINE unsigned int portclass_tag_mark(const struct portclass_tag *tag)
{
	if (tag->class_code != PORTCLASS_LABELLED)
		return 0;
	switch (tag->protocol) {
	case 6:
		return PORTCLASS_MARK_TCP(tag->port);
	case 17:
	case 136:
		return PORTCLASS_MARK_UDP(tag->port);
	case 33:
		return PORTCLASS_MARK_DCCP(tag->port);
	case 132:
		return PORTCLASS_MARK_SCTP(tag->port);
	default:
		return 0;
	}
}

#endif
