// Loki as it answered once: each query of the dashboard finds what a real one said to it, in the frames that Grafana
// makes of that. Log lines have their labels in one field, a count at one moment is a table.
import { DataSourceApi, FieldType } from '@grafana/data';
import { frame, metaOf, sceneOf, table, titleOf } from './datasource.js';
import { fail, report } from './report.js';

const STEP_SECONDS = 300;

function lines(refId, streams) {
  const rows = streams.flatMap(({ stream, values }) => values.map(([time, line]) => ({ stream, time, line })));
  const field = (name, type, of) => ({ name, type, config: {}, values: rows.map(of) });
  return {
    refId, length: rows.length, meta: { preferredVisualisationType: 'logs' },
    fields: [
      field('labels', FieldType.other, ({ stream }) => stream),
      field('Time', FieldType.time, ({ time }) => Number(BigInt(time) / 1000000n)),
      field('Line', FieldType.string, ({ line }) => line),
      field('tsNs', FieldType.string, ({ time }) => time),
    ],
  };
}

const named = (legend, metric) => legend.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => metric[name] ?? '');

export class Loki extends DataSourceApi {
  constructor({ uid, answers }) {
    super({ id: 2, uid, name: 'Loki', type: 'loki', meta: metaOf('loki', 'Loki'), jsonData: {}, readOnly: true, access: 'proxy' });
    this.answers = answers;
  }

  async query({ targets, scopedVars }) {
    const panel = titleOf(sceneOf(scopedVars));
    return { data: targets.flatMap((target) => this.frames(panel, target)) };
  }

  frames(panel, { refId, expr, legendFormat }) {
    const found = this.answers.find((one) => one.panel === panel && one.refId === refId);
    if (found?.expr !== expr) {
      fail(`there is no answer to ${panel} ${refId}`);
      return [];
    }
    const { resultType, result } = found.data;
    report.queries.push({ panel, refId, expr, series: result.length });
    switch (resultType) {
      case 'streams':
        return [lines(refId, result)];
      case 'matrix':
        return result.map(({ metric, values }) => frame({ refId }, { metric, points: values }, named(legendFormat, metric), STEP_SECONDS));
      default:
        return [table(refId, result.map(({ metric, value }) => ({ metric, points: [value] })), true)];
    }
  }

  testDatasource() {
    return Promise.resolve({ status: 'success', message: '' });
  }
}
