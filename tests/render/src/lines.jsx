// What Grafana has for log lines and does not publish as a library: the transformation that makes columns of labels, and
// the panel that lists lines.
import { dateTimeFormat, FieldType, PanelPlugin, standardTransformers } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';
import React from 'react';
import { map } from 'rxjs';

function columns(frame, { source, keepTime }) {
  const from = frame.fields.find(({ name }) => name === source);
  if (!from) {
    return frame;
  }
  const names = [...new Set(from.values.flatMap((labels) => Object.keys(labels)))];
  const made = names.map((name) => ({ name, type: FieldType.string, config: {}, values: from.values.map((labels) => labels[name] ?? '') }));
  return { ...frame, fields: [...frame.fields.filter(({ type }) => keepTime && type === FieldType.time), ...made] };
}

export const extractFields = {
  ...standardTransformers.noopTransformer,
  id: 'extractFields',
  name: 'Extract fields',
  operator: (options) => (source) => source.pipe(map((frames) => frames.map((frame) => columns(frame, options)))),
};

function LogsPanel({ data, options, timeZone, height }) {
  const theme = useTheme2();
  const [frame] = data.series;
  if (!frame?.length) {
    return <div data-no-data>No data</div>;
  }
  const [labels, times, lines] = ['labels', 'Time', 'Line'].map((wanted) => frame.fields.find(({ name }) => name === wanted).values);
  const colors = { error: theme.colors.error.text, warn: theme.colors.warning.text, info: theme.colors.success.text };
  const order = [...times.keys()].sort((a, b) => (times[a] - times[b]) * (options.sortOrder === 'Ascending' ? 1 : -1));
  const style = { ...theme.typography.bodySmall, fontFamily: theme.typography.fontFamilyMonospace, lineHeight: '20px' };
  return (
    <div style={{ ...style, height, overflow: 'hidden' }}>
      {order.map((index) => (
        <div key={index} style={{ borderLeft: `3px solid ${colors[labels[index].detected_level]}`, paddingLeft: 8, marginBottom: 2 }}>
          <span style={{ color: theme.colors.text.secondary, marginRight: 12 }}>{dateTimeFormat(times[index], { timeZone, format: 'YYYY-MM-DD HH:mm:ss.SSS' })}</span>
          {lines[index]}
        </div>
      ))}
    </div>
  );
}

export const logs = new PanelPlugin(LogsPanel).useFieldConfig({});
