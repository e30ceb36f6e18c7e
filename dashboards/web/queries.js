// Every PromQL expression of the page, in one table. Each one answers for all hosts at once, by `job` and `instance`;
// what belongs together is joined in `fleet.js`, so that the server needs no many-to-one matching.

const by = "by (job, instance)";

// Kinds of filesystem that are full by design, and devices that only repeat the traffic of others.
const DISK = '{fstype!~"tmpfs|ramfs|devtmpfs|squashfs|iso9660|udf|erofs|nsfs|autofs"}';
const DEVICE = '{device!~"lo|veth.*|docker.*|br-.*|virbr.*|ifb.*|cni.*|flannel.*|cali.*|tap.*|tun.*"}';

const GAUGES = [
  "node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes", "node_load1",
  "node_boot_time_seconds", "node_time_seconds", "node_power_supply_capacity", "node_gpu_utilization_ratio",
];
const FACTS = [
  "node_uname_info", "node_os_info", "node_hwmon_sensor_label", "node_hwmon_chip_names",
  "node_hwmon_temp_crit_celsius", "node_hwmon_temp_max_celsius", "node_gpu_temperature_slowdown_celsius", "node_power_supply_info",
];
const named = (names, matchers = "") => `{__name__=~"${names.join("|")}"${matchers}}`;

/** How full filesystems are, as `df` says it: what is kept for root counts neither as used nor as free. */
const diskUsed = (matchers) => {
  const part = (name) => `node_filesystem_${name}_bytes${matchers}`;
  return `100 * (1 - ${part("avail")} / (${part("size")} - ${part("free")} + ${part("avail")}))`;
};

// A share of all modes, not of the clock: so it is right from the second sample on, when `rate` still tells too little.
const cpuBusy = (window) => `100 * (1 - sum ${by} (rate(node_cpu_seconds_total{mode=~"idle|iowait"}[${window}]))
  / sum ${by} (rate(node_cpu_seconds_total[${window}])))`;
const memoryUsed = `100 * (1 - sum ${by} (node_memory_MemAvailable_bytes) / sum ${by} (node_memory_MemTotal_bytes))`;

/** The hosts view, asked every 2 s. `window` is the range of the rates. */
export const live = (window) => ({
  cpu: cpuBusy(window),
  gauges: named(GAUGES),
  disk: `topk ${by} (1, ${diskUsed(DISK)})`,
  temperature: ["node_hwmon_temp_celsius", "node_thermal_zone_temp", "node_gpu_temperature_celsius"]
    .map((name) => `topk ${by} (1, ${name})`).join(" or "),
  received: `sum ${by} (rate(node_network_receive_bytes_total${DEVICE}[${window}]))`,
  sent: `sum ${by} (rate(node_network_transmit_bytes_total${DEVICE}[${window}]))`,
});

/** What changes seldom, asked every 30 s: names, limits, and which hosts were there in the last hour. */
export const facts = {
  facts: named(FACTS),
  known: "last_over_time(node_uname_info[1h])",
};

/** The small curves of the hosts view, a range query over the last hour. */
export const curves = (window) => ({ cpu: cpuBusy(window), memory: memoryUsed });

/** Figures of the scrapes for the targets view. */
export const scrapes = { samples: "scrape_samples_scraped" };

/** A label value as it is written inside double quotes. */
export const quoted = (text) => text.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n");

/** The charts of one host, range queries over the chosen time. */
export function charts(job, instance, window) {
  const host = `job="${quoted(job)}",instance="${quoted(instance)}"`;
  const pick = (more) => `{${host}${more ? `,${more}` : ""}}`;
  const rate = (name, more) => `rate(${name}${pick(more)}[${window}])`;
  const inside = (matchers) => matchers.slice(1, -1);
  return {
    cpu: `100 * sum by (mode) (${rate("node_cpu_seconds_total", 'mode!="idle"')}) / scalar(sum(${rate("node_cpu_seconds_total")}))`,
    memory: named(["MemTotal", "MemAvailable", "Cached", "Buffers", "SwapTotal", "SwapFree"]
      .map((part) => `node_memory_${part}_bytes`), `,${host}`),
    disk: diskUsed(pick(inside(DISK))),
    read: `sum by (device) (${rate("node_disk_read_bytes_total")})`,
    written: `sum by (device) (${rate("node_disk_written_bytes_total")})`,
    received: `sum by (device) (${rate("node_network_receive_bytes_total", inside(DEVICE))})`,
    sent: `sum by (device) (${rate("node_network_transmit_bytes_total", inside(DEVICE))})`,
    temperature: named(["node_hwmon_temp_celsius", "node_thermal_zone_temp", "node_gpu_temperature_celsius"], `,${host}`),
    load: named(["node_load1", "node_load5", "node_load15"], `,${host}`),
    gpu: named(["node_gpu_utilization_ratio", "node_gpu_memory_used_bytes", "node_gpu_memory_total_bytes", "node_gpu_power_watts"], `,${host}`),
    battery: named(["node_power_supply_capacity"], `,${host}`),
  };
}

/** The head line of one host, an instant query. */
export const hostFacts = (job, instance) => ({
  facts: named([...FACTS, "node_cpu_info", "node_gpu_info", "node_boot_time_seconds", "node_time_seconds"],
    `,job="${quoted(job)}",instance="${quoted(instance)}"`),
});
