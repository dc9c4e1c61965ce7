/* SPDX-License-Identifier: BSD-3-Clause */
/* millrace ports: what each port received and sent. Main thread. */
#include "apps/millrace/commands.h"
#include "apps/millrace/table.h"

struct port_rates {
	double rx_packets; /* per second; NAN: no earlier sample */
	double tx_packets;
	double rx_bits;
	double tx_bits;
};

static struct port_rates measure(const struct frame *f, uint32_t i)
{
	const struct mr_stats_port *p = sample_entry(&f->now->ports, i);
	const struct mr_stats_port *b =
		f->before != NULL ? sample_peer(&f->now->ports, i, &f->before->ports) : NULL;

	return (struct port_rates){
		.rx_packets = frame_rate(f, p->rx_packets, b != NULL ? &b->rx_packets : NULL),
		.tx_packets = frame_rate(f, p->tx_packets, b != NULL ? &b->tx_packets : NULL),
		.rx_bits = 8 * frame_rate(f, p->rx_bytes, b != NULL ? &b->rx_bytes : NULL),
		.tx_bits = 8 * frame_rate(f, p->tx_bytes, b != NULL ? &b->tx_bytes : NULL),
	};
}

static void format_mac(char *buf, const uint8_t *mac)
{
	snprintf(buf, SHOW_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		mac[4], mac[5]);
}

static void print_port(struct table *t, const struct frame *f, uint32_t i)
{
	const struct mr_stats_port *p = sample_entry(&f->now->ports, i);
	struct port_rates r = measure(f, i);
	char b[SHOW_SIZE], text[128];

	table_cell(t, show_clean(text, sizeof(text), p->name, sizeof(p->name)));
	table_cell(t, p->shared ? "shared" : "owned");
	table_cell(t, show_clean(text, sizeof(text), p->driver, sizeof(p->driver)));
	table_cell(t, show_clean(text, sizeof(text), p->netdev, sizeof(p->netdev)));
	format_mac(b, p->mac);
	table_cell(t, b);
	table_cell_coloured(t, p->link_up ? TABLE_PLAIN : TABLE_RED, p->link_up ? "up" : "down");
	table_cell(t, show_count(b, p->queues));
	table_cell(t, show_rate(b, r.rx_packets));
	table_cell(t, show_bits(b, r.rx_bits));
	table_cell(t, show_rate(b, r.tx_packets));
	table_cell(t, show_bits(b, r.tx_bits));
	table_cell(t, show_count(b, p->rx_packets));
	table_cell(t, show_count(b, p->tx_packets));
	table_cell_coloured(
		t, p->rx_missed > 0 ? TABLE_YELLOW : TABLE_PLAIN, show_count(b, p->rx_missed));
	table_cell_coloured(
		t, p->tx_errors > 0 ? TABLE_YELLOW : TABLE_PLAIN, show_count(b, p->tx_errors));
}

void cmd_ports_print(const struct frame *f, const struct options *o, FILE *out)
{
	static const char *const titles[] = {"<PORT", "<KIND", "<DRIVER", "<INTERFACE", "<MAC",
		"<LINK", "QUEUES", "IN/S", "IN", "OUT/S", "OUT", "PACKETS IN", "PACKETS OUT",
		"MISSED", "ERRORS", NULL};
	struct table *t = table_create(titles);

	if (t == NULL)
		return;
	for (uint32_t i = 0; i < f->now->ports.count; i++)
		print_port(t, f, i);
	table_print(t, out, o->colour);
	if (f->now->ports.count == 0)
		fputs("no ports\n", out);
	table_destroy(t);
}

json_t *cmd_ports_json(const struct frame *f, const struct options *o)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < f->now->ports.count; i++) {
		const struct mr_stats_port *p = sample_entry(&f->now->ports, i);
		struct port_rates r = measure(f, i);
		char mac[SHOW_SIZE];
		json_t *port;

		format_mac(mac, p->mac);
		port = json_pack("{s:o s:o s:o s:o s:s s:b s:b s:b s:I}", "name",
			json_text(p->name, sizeof(p->name)), "device",
			json_text(p->device, sizeof(p->device)), "driver",
			json_text(p->driver, sizeof(p->driver)), "interface",
			json_text(p->netdev, sizeof(p->netdev)), "mac", mac, "shared",
			p->shared != 0, "checksumOffload", p->checksum_offload != 0, "linkUp",
			p->link_up != 0, "queues", (json_int_t)p->queues);
		json_object_update_new(port,
			json_pack("{s:I s:I s:I s:I s:I s:I s:I s:I s:o s:o s:o s:o}", "rxPackets",
				(json_int_t)p->rx_packets, "rxBytes", (json_int_t)p->rx_bytes,
				"rxMissed", (json_int_t)p->rx_missed, "txPackets",
				(json_int_t)p->tx_packets, "txBytes", (json_int_t)p->tx_bytes,
				"txErrors", (json_int_t)p->tx_errors, "tapRxPackets",
				(json_int_t)p->tap_rx_packets, "tapTxPackets",
				(json_int_t)p->tap_tx_packets, "rxPacketsPerSecond",
				json_number(r.rx_packets), "txPacketsPerSecond",
				json_number(r.tx_packets), "rxBitsPerSecond",
				json_number(r.rx_bits), "txBitsPerSecond", json_number(r.tx_bits)));
		json_array_append_new(list, port);
	}
	return json_pack("{s:o}", "ports", list);
}
