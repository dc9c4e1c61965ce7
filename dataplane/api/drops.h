/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every reason for which the data plane drops a packet: one table, from which
 * the counters, the CLI's texts and the telemetry are made. Append only.
 */
#ifndef DATAPLANE_API_DROPS_H
#define DATAPLANE_API_DROPS_H

/* X(NAME, "name as shown", "what it means, what to do") */
#define MR_DROPS(X)                                                                                \
	/* port rx, classify */                                                                    \
	X(RX_SEGMENTED, "rx_segmented", "frame in several buffers: MTU above what a buffer holds") \
	X(ETH_SHORT, "eth_short", "frame shorter than its Ethernet or VLAN header")                \
	X(ETH_TYPE, "eth_type", "neither IPv4 nor IPv6 reached a shared port's queue")             \
	X(IP_SHORT, "ip_short", "IP header or length beyond the frame")                            \
	X(IP_HEADER, "ip_header", "IP version or header length is wrong")                          \
	X(IP_CHECKSUM, "ip_checksum", "IPv4 header checksum is wrong")                             \
	X(IP_FRAGMENT, "ip_fragment", "fragment: lower the source's packet size")                  \
	X(IP_EXTENSION, "ip_extension", "IPv6 extension header chain not understood or too long")  \
	X(IP_PROTOCOL, "ip_protocol", "not UDP on a shared port's queue")                          \
	X(UDP_SHORT, "udp_short", "UDP length beyond the packet or below 8")                       \
	X(UDP_CHECKSUM, "udp_checksum", "UDP checksum is wrong (or zero on IPv6)")                 \
	X(FLOW_UNKNOWN, "flow_unknown", "UDP to an address and port that nothing listens on")      \
	X(FIRST_BYTE, "first_byte", "first byte of no protocol of RFC 7983")                       \
	/* stream input */                                                                         \
	X(SOURCE_ADDRESS, "source_address",                                                        \
		"RTP for a stream from an address that is not its source's")                       \
	X(RTP_SHORT, "rtp_short", "shorter than its RTP header, CSRCs and extension")              \
	X(RTP_VERSION, "rtp_version", "RTP version is not 2")                                      \
	X(RTP_PADDING, "rtp_padding", "RTP padding is zero or longer than the payload")            \
	X(RTP_PAYLOAD_TYPE, "rtp_payload_type",                                                    \
		"payload type that the SDP does not give the stream")                              \
	X(RTP_SSRC, "rtp_ssrc", "SSRC that is not the stream's")                                   \
	X(RTP_DUPLICATE, "rtp_duplicate", "sequence number already accepted")                      \
	X(RTP_LATE, "rtp_late", "came after its gap had been passed on, or older than the window") \
	X(RTP_PROBATION, "rtp_probation",                                                          \
		"first packets after a jump, until the new sequence is confirmed")                 \
	X(RTP_EMPTY, "rtp_empty", "no payload")                                                    \
	X(PAYLOAD_MALFORMED, "payload_malformed", "payload header breaks its RFC (6184, 7741)")    \
	X(PAYLOAD_TOO_BIG, "payload_too_big",                                                      \
		"does not fit udpMaxPayloadSize and cannot be re-split")                           \
	X(STREAM_UNBOUND, "stream_unbound",                                                        \
		"packet for a stream that was removed or has no source")                           \
	/* fan-out, protect, egress */                                                             \
	X(FANOUT_OVERRUN, "fanout_overrun",                                                        \
		"the stream's ring came round before a viewer was served")                         \
	X(MBUF_EMPTY, "mbuf_empty", "no packet buffer left for a viewer's copy")                   \
	X(NEXTHOP_UNRESOLVED, "nexthop_unresolved",                                                \
		"the viewer's next hop has no MAC address yet")                                    \
	X(PROTECT_FAILED, "protect_failed", "encryption failed")                                   \
	X(TX_FULL, "tx_full", "the port's transmit queue stayed full")                             \
	/* viewers' packets */                                                                     \
	X(SRTCP_AUTH, "srtcp_auth", "SRTCP that does not authenticate")                            \
	X(SRTCP_REPLAY, "srtcp_replay", "SRTCP index already seen")                                \
	X(SRTCP_MALFORMED, "srtcp_malformed", "SRTCP too short, or RTCP inside breaks RFC 3550")   \
	X(SRTP_UNWANTED, "srtp_unwanted", "media sent by a viewer that only receives")             \
	X(VIEWER_UNKNOWN, "viewer_unknown", "RTP or RTCP to the public port from no known viewer") \
	X(STUN_MALFORMED, "stun_malformed", "breaks RFC 8489")                                     \
	X(STUN_AUTH, "stun_auth", "Binding request of a viewer with a wrong user or integrity")    \
	/* control plane's rings */                                                                \
	X(PUNT_DETACHED, "punt_detached", "for the control plane while none is attached")          \
	X(PUNT_FULL, "punt_full", "the packet ring to the control plane is full")                  \
	X(PUNT_RATE, "punt_rate", "for the control plane, above the rate allowed")                 \
	X(TAP_FULL, "tap_full", "for the kernel, the tap's queue is full")                         \
	X(DOWN_INVALID, "down_invalid", "packet from the control plane that is not valid")         \
	X(HANDOFF_FULL, "handoff_full", "the ring to the worker that owns the packet is full")     \
	/* added later */                                                                          \
	X(STUN_RATE, "stun_rate", "Binding request of a viewer above the rate that is answered")   \
	X(RING_HELD, "ring_held", "the whole ring went by while another worker sent from it")      \
	X(CRYPTO_STUCK, "crypto_stuck",                                                            \
		"the crypto accelerator stopped answering; the CPU encrypts until a restart")

enum mr_drop {
#define MR_DROP_ENUM(name, text, help) MR_DROP_##name,
	MR_DROPS(MR_DROP_ENUM)
#undef MR_DROP_ENUM
		MR_DROP_COUNT
};

/* "?" for an unknown reason. */
const char *mr_drop_name(unsigned int reason);
const char *mr_drop_help(unsigned int reason);

#endif
