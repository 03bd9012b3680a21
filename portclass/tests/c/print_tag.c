/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Prints what portclass_tag.h declares, for a test to compare. C99 and C++ alike. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "portclass_tag.h"

#define CLASS(name) printf("class %s %d\n", #name, (int)PORTCLASS_##name)

static void marks(unsigned int port)
{
	const unsigned int masks[] = { PORTCLASS_MARK_MASK, 0xffffe000u, 0xfffffff0u, 0xffffffffu };
	const unsigned int values[] = { PORTCLASS_MARK_TCP(port), PORTCLASS_MARK_UDP(port), PORTCLASS_MARK_DCCP(port),
					PORTCLASS_MARK_SCTP(port) };
	unsigned int value, mask;

	for (value = 0; value < 4; value++) {
		for (mask = 0; mask < 4; mask++) {
			unsigned int placed = PORTCLASS_MARK_PLACE(masks[mask], values[value]);
			unsigned int back = PORTCLASS_MARK_VALUE(masks[mask], placed | ~masks[mask]);

			printf("mark 0x%08x in 0x%08x is 0x%08x, back %u %u\n", values[value], masks[mask], placed,
			       PORTCLASS_MARK_TRANSPORT(back), PORTCLASS_MARK_PORT(back));
		}
	}
}

static void tag(unsigned char version, unsigned char class_code, unsigned char protocol, unsigned short port, size_t before)
{
	/* Room in front of the packet, of which the tag takes the last bytes. */
	unsigned short metadata[16];
	unsigned char bytes[8] = { 0 };
	const struct portclass_tag *found;

	bytes[0] = version;
	bytes[1] = class_code;
	bytes[2] = protocol;
	memcpy(bytes + 4, &port, sizeof(port));
	memset(metadata, 1, sizeof(metadata));
	memcpy((char *)metadata + before, bytes, sizeof(bytes));
	found = portclass_tag_of(metadata, (char *)metadata + before + sizeof(bytes));
	if (found)
		printf("tag %u %u %u %u, mark 0x%08x\n", found->version, found->class_code, found->protocol, found->port,
		       portclass_tag_mark(found));
	else
		printf("no tag\n");
}

int main(void)
{
	printf("version %d, %d classes, %d bytes, port at %d\n", PORTCLASS_TAG_VERSION, PORTCLASS_CLASSES,
	       (int)sizeof(struct portclass_tag), (int)offsetof(struct portclass_tag, port));
	CLASS(LABELLED);
	CLASS(DYNAMIC);
	CLASS(UNASSIGNED);
	CLASS(RESERVED);
	CLASS(PRIVATE_USE);
	CLASS(WITHDRAWN);
	CLASS(FRAGMENT);
	CLASS(PROTOCOL);
	CLASS(NON_IP);
	CLASS(TRUNCATED);
	CLASS(MALFORMED);
	CLASS(TOO_DEEP);
	marks(0);
	marks(443);
	marks(65535);
	tag(PORTCLASS_TAG_VERSION, PORTCLASS_LABELLED, 6, 443, 0);
	tag(PORTCLASS_TAG_VERSION, PORTCLASS_LABELLED, 17, 53, 4);
	tag(PORTCLASS_TAG_VERSION, PORTCLASS_LABELLED, 136, 53, 8);
	tag(PORTCLASS_TAG_VERSION, PORTCLASS_LABELLED, 33, 65535, 20);
	tag(PORTCLASS_TAG_VERSION, PORTCLASS_LABELLED, 132, 9899, 24);
	tag(PORTCLASS_TAG_VERSION, PORTCLASS_DYNAMIC, 6, 60000, 0);
	tag(PORTCLASS_TAG_VERSION + 1, PORTCLASS_LABELLED, 6, 443, 0);
	/* Metadata that is shorter than a tag. */
	{
		const char metadata[4] = { PORTCLASS_TAG_VERSION, 0, 0, 0 };

		printf("%s\n", portclass_tag_of(metadata, metadata + sizeof(metadata)) ? "a tag" : "no tag");
	}
	return 0;
}
