// A Prometheus data source by Grafana's documented rules: intervals, multi-value variables as regular expressions,
// legends, tables, annotations left out. Grafana's own one is not licensed for our use.
import { DataSourceApi, FieldType, PluginType, rangeUtil } from '@grafana/data';
import { sceneGraph } from '@grafana/scenes';
import { fail, report } from './report.js';

export const metaOf = (id, name) => ({
  id, name, type: PluginType.datasource, module: '', baseUrl: '', metrics: true,
  info: { logos: { small: '', large: '' }, author: { name: '' }, links: [], screenshots: [], updated: '', version: '', description: '' },
});
const SPECIAL = /[\\^$.*+?()[\]{}|/]/g;

export function asMatcher(value, variable) {
  const plain = (text) => String(text).replace(/\\/g, '\\\\').replace(/"/g, '\\"');
  const pattern = (text) => plain(String(text).replace(SPECIAL, '\\$&'));
  if (Array.isArray(value)) {
    return value.length === 1 ? pattern(value[0]) : `(${value.map(pattern).join('|')})`;
  }
  return variable?.isMulti || variable?.includeAll ? pattern(value) : plain(value);
}

// A query's scene object lies within its panel.
export const titleOf = (scene) => (scene && (scene.state.title ?? titleOf(scene.parent))) ?? '';
export const sceneOf = (scopedVars) => scopedVars?.__sceneObject?.value?.valueOf?.();
const inSeconds = (time) => time.valueOf() / 1000;

export class Prometheus extends DataSourceApi {
  constructor({ uid, url, scrape }) {
    super({ id: 1, uid, name: 'Prometheus', type: 'prometheus', meta: metaOf('prometheus', 'Prometheus'), jsonData: {}, readOnly: true, access: 'proxy' });
    this.url = url;
    this.interval = scrape; // the least step of a query, as the data source's timeInterval is in Grafana
    this.scrape = rangeUtil.intervalToSeconds(scrape);
  }

  async ask(path, parameters) {
    report.pending += 1;
    const reply = await fetch(`${this.url}${path}?${new URLSearchParams(parameters)}`)
      .then((response) => response.json())
      .finally(() => (report.pending -= 1));
    if (reply.status !== 'success') {
      throw new Error(`${reply.error} in ${JSON.stringify(parameters)}`);
    }
    return reply.data;
  }

  fill(text, scene, scopedVars, range, step) {
    const window = Math.round(inSeconds(range.to) - inSeconds(range.from));
    const rate = Math.max(step + this.scrape, 4 * this.scrape);
    const known = { __interval: `${step}s`, __interval_ms: step * 1000, __range: `${window}s`, __range_s: window, __rate_interval: `${rate}s` };
    const vars = Object.fromEntries(Object.entries(known).map(([name, value]) => [name, { value }]));
    return sceneGraph.interpolate(scene, text, { ...scopedVars, ...vars }, asMatcher);
  }

  async query(request) {
    const shown = request.targets.filter((target) => !target.hide);
    const frames = await Promise.all(shown.map((target) => this.frames(target, request, shown.length > 1)));
    return { data: frames.flat() };
  }

  async frames(target, { range, intervalMs, scopedVars }, several) {
    const scene = sceneOf(scopedVars);
    const step = Math.max(Math.round(intervalMs / 1000), this.scrape);
    const expr = this.fill(target.expr, scene, scopedVars, range, step);
    const asked = { panel: titleOf(scene), refId: target.refId, expr, series: 0 };
    report.queries.push(asked);
    const result = target.instant ? await this.instant(expr, range) : await this.range(expr, range, step);
    asked.series = result.length;
    if (target.format === 'table') {
      return [table(target.refId, result, several)];
    }
    return result.map((series) => frame(target, series, this.legend(target, series, scene, scopedVars), step));
  }

  async instant(expr, range) {
    const { resultType, result } = await this.ask('/api/v1/query', { query: expr, time: inSeconds(range.to) });
    const vector = resultType === 'scalar' ? [{ metric: {}, value: result }] : result;
    return vector.map(({ metric, value }) => ({ metric, points: [value] }));
  }

  async range(expr, range, step) {
    const start = Math.ceil(inSeconds(range.from) / step) * step;
    const end = Math.floor(inSeconds(range.to) / step) * step;
    const { result } = await this.ask('/api/v1/query_range', { query: expr, start, end, step });
    return result.map(({ metric, values }) => {
      const known = new Map(values);
      const times = Array.from({ length: Math.round((end - start) / step) + 1 }, (_, index) => start + index * step);
      return { metric, points: times.map((time) => [time, known.get(time) ?? null]) };
    });
  }

  legend(target, { metric }, scene, scopedVars) {
    if (!target.legendFormat) {
      const labels = Object.entries(metric).map(([name, value]) => `${name}="${value}"`);
      return labels.length ? `{${labels.join(', ')}}` : titleOf(scene);
    }
    return sceneGraph.interpolate(scene, target.legendFormat, scopedVars).replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => metric[name] ?? '');
  }

  async metricFindQuery(query, options) {
    const scene = sceneOf(options?.scopedVars);
    const { from, to } = options.range;
    const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(query.query ?? query) ?? [];
    if (!label) {
      fail(`not understood: ${JSON.stringify(query)}`);
      return [];
    }
    const match = this.fill(selector, scene, options.scopedVars, options.range, this.scrape);
    const values = await this.ask(`/api/v1/label/${label}/values`, { 'match[]': match, start: inSeconds(from), end: inSeconds(to) });
    return values.map((text) => ({ text, value: text }));
  }

  testDatasource() {
    return Promise.resolve({ status: 'success', message: '' });
  }
}

const number = (text) => (text === null ? null : Number(text));

export function frame({ refId }, { metric, points }, name, step) {
  return {
    refId, name, length: points.length,
    fields: [
      { name: 'Time', type: FieldType.time, config: { interval: step * 1000 }, values: points.map(([time]) => time * 1000) },
      { name: 'Value', type: FieldType.number, labels: metric, config: { displayNameFromDS: name }, values: points.map(([, value]) => number(value)) },
    ],
  };
}

export function table(refId, result, several) {
  const labels = [...new Set(result.flatMap(({ metric }) => Object.keys(metric)))].sort();
  return {
    refId, length: result.length,
    fields: [
      { name: 'Time', type: FieldType.time, config: {}, values: result.map(({ points }) => points[0][0] * 1000) },
      ...labels.map((name) => ({ name, type: FieldType.string, config: {}, values: result.map(({ metric }) => metric[name] ?? '') })),
      { name: several ? `Value #${refId}` : 'Value', type: FieldType.number, config: {}, values: result.map(({ points }) => number(points[0][1])) },
    ],
  };
}
