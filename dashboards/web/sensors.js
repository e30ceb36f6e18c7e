// What sensors are called, and from where on they are too hot. Pure.

/** What the kernel's drivers measure, in words; a driver that is not here goes by its own name. */
const CHIPS = [[/^(coretemp|k10temp|zenpower|cpu_thermal)/, "CPU"], [/^nvme/, "NVMe"], [/^drivetemp/, "Disk"],
  [/^(amdgpu|radeon|nouveau|i915|xe)$/, "GPU"], [/^acpitz/, "Mainboard"], [/^(iwlwifi|ath\d|mt7)/, "Wi-Fi"], [/^spd5118|^jc42/, "Memory"]];
/** The sensor that stands for the whole chip. */
const MAIN_SENSOR = /^(temp1|Package id 0|Tctl|Tdie|Composite|edge)$/;

/** The name of a sensor as its maker or the kernel gives it. `facts` are the facts of the same host. */
export function sensorName(labels, facts) {
  const of = (name) => facts.find((fact) => fact.labels.__name__ === name && fact.labels.chip === labels.chip
    && (fact.labels.sensor === undefined || fact.labels.sensor === labels.sensor));
  if (labels.__name__ === "node_thermal_zone_temp") return labels.type || `zone ${labels.zone}`;
  if (labels.__name__ === "node_gpu_temperature_celsius") {
    return gpuName(labels);
  }
  const driver = of("node_hwmon_chip_names")?.labels.chip_name ?? labels.chip ?? "";
  const chip = CHIPS.find(([pattern]) => pattern.test(driver))?.[1] ?? driver;
  const sensor = of("node_hwmon_sensor_label")?.labels.label ?? labels.sensor ?? "";
  return MAIN_SENSOR.test(sensor) ? chip : `${chip} ${sensor}`.trim();
}

/** A GPU by its number; what it is called is on the host's head line. */
export const gpuName = (labels) => (labels.gpu === undefined ? "GPU" : `GPU ${labels.gpu}`);

/** The limit that the chip itself names, critical before high; null where it names none that makes sense. */
export function sensorLimit(labels, facts) {
  const gpu = facts.find((fact) => fact.labels.__name__ === "node_gpu_temperature_slowdown_celsius"
    && fact.labels.gpu !== undefined && fact.labels.gpu === labels.gpu);
  if (gpu) return gpu.value;
  for (const name of ["node_hwmon_temp_crit_celsius", "node_hwmon_temp_max_celsius"]) {
    const limit = facts.find((fact) => fact.labels.__name__ === name && fact.labels.chip === labels.chip
      && fact.labels.sensor === labels.sensor)?.value;
    // Chips without a limit report 0, or the largest number they can write.
    if (limit > 30 && limit < 200) return limit;
  }
  return null;
}
