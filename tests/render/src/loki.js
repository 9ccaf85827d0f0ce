// Loki as it answered once: each query of the dashboard finds what a real one said to it, in the frames that Grafana
// makes of that. Log lines have their labels in one field, a count at one moment is a table. The time at which it was
// asked becomes the end of what is shown.
import { DataSourceApi, FieldType } from '@grafana/data';
import { frame, metaOf, sceneOf, table, titleOf } from './datasource.js';
import { fail, report } from './report.js';

function lines(refId, streams, later) {
  const inMilliseconds = (time) => Number(BigInt(time) / 1000000n) + later * 1000;
  const rows = streams
    .flatMap(({ stream, values }) => values.map(([time, line]) => ({ stream, time, line })))
    .sort((a, b) => (BigInt(a.time) < BigInt(b.time) ? -1 : 1)); // several fall into one millisecond
  const field = (name, type, of) => ({ name, type, config: {}, values: rows.map(of) });
  return {
    refId, length: rows.length, meta: { preferredVisualisationType: 'logs' },
    fields: [
      field('labels', FieldType.other, ({ stream }) => stream),
      field('Time', FieldType.time, ({ time }) => inMilliseconds(time)),
      field('Line', FieldType.string, ({ line }) => line),
    ],
  };
}

const named = (legend, metric) => legend.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => metric[name] ?? '');

// Steps without a line are not in Loki's reply, and bars are as wide as the step.
function series({ refId, legendFormat }, { metric, values }, { end, start }, later) {
  const step = Math.max(Math.trunc((end - start) / 60), 1);
  const known = new Map(values.map(([time, value]) => [Math.round((time - start) / step), value]));
  const points = Array.from({ length: Math.ceil((end - start) / step) + 1 }, (_, index) => [start + index * step + later, known.get(index) ?? null]);
  return frame({ refId }, { metric, points }, named(legendFormat, metric), step);
}

export class Loki extends DataSourceApi {
  constructor({ uid, recorded }) {
    super({ id: 2, uid, name: 'Loki', type: 'loki', meta: metaOf('loki', 'Loki'), jsonData: {}, readOnly: true, access: 'proxy' });
    this.recorded = recorded;
  }

  async query({ targets, scopedVars, range }) {
    const panel = titleOf(sceneOf(scopedVars));
    const later = range.to.valueOf() / 1000 - this.recorded.end;
    return { data: targets.flatMap((target) => this.frames(panel, target, later)) };
  }

  frames(panel, target, later) {
    const { refId, expr } = target;
    const found = this.recorded.answers.find((one) => one.panel === panel && one.refId === refId);
    if (found?.expr !== expr) {
      fail(`there is no answer to ${panel} ${refId}`);
      return [];
    }
    const { resultType, result } = found.data;
    report.queries.push({ panel, refId, expr, series: result.length });
    switch (resultType) {
      case 'streams':
        return [lines(refId, result, later)];
      case 'matrix':
        return result.map((one) => series(target, one, this.recorded, later));
      default:
        return [table(refId, result.map(({ metric, value }) => ({ metric, points: [value] })), true)];
    }
  }

  testDatasource() {
    return Promise.resolve({ status: 'success', message: '' });
  }
}
