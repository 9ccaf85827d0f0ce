// The panels, put together from @grafana/ui: what surrounds these parts in Grafana is not published as a library.
import {
  cacheFieldDisplayNames, FieldColorModeId, FieldType, getDisplayProcessor, getFieldDisplayValues, identityOverrideProcessor, PanelPlugin,
  renderMarkdown, VizOrientation,
} from '@grafana/data';
import { BarGauge, BigValue, BigValueColorMode, BigValueGraphMode, TimeSeries, useTheme2, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import React, { useMemo } from 'react';
import { logs } from './lines.jsx';
import { Marks, useMarks } from './marks.js';

// How a field looks where the dashboard does not say.
const LINES = {
  drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, gradientMode: 'none', barAlignment: 0, lineStyle: { fill: 'solid' },
  showPoints: 'auto', pointSize: 5, stacking: { mode: 'none', group: 'A' }, axisPlacement: 'auto', axisLabel: '', axisColorMode: 'text',
  scaleDistribution: { type: 'linear' }, axisCenteredZero: false, hideFrom: { tooltip: false, viz: false, legend: false },
  thresholdsStyle: { mode: 'off' }, spanNulls: false, insertNulls: false, axisBorderShow: false,
};
const CELLS = { align: 'auto', cellOptions: { type: 'auto' }, inspect: false, width: undefined, minWidth: undefined, hidden: undefined, wrapText: undefined };

function looks(defaults) {
  return (builder) => {
    for (const [id, defaultValue] of Object.entries(defaults)) {
      builder.addCustomEditor({
        id, path: id, name: id, defaultValue, editor: () => null, override: () => null, process: identityOverrideProcessor,
        shouldApply: ({ type }) => id !== 'axisLabel' || type !== FieldType.time,
      });
    }
  };
}

// Grafana says "No data", or what the panel has for that.
function NoData({ fieldConfig }) {
  const { noValue } = fieldConfig.defaults;
  const words = noValue ? {} : { 'data-no-data': true };
  return <div {...words} style={{ display: 'grid', placeItems: 'center', height: '100%', color: '#888' }}>{noValue ?? 'No data'}</div>;
}

function TimeSeriesPanel({ data, timeRange, timeZone, width, height, options, title, fieldConfig, replaceVariables }) {
  const marks = useMarks(replaceVariables, timeRange);
  const frames = useMemo(() => data.series.filter((frame) => frame.fields.some(({ type }) => type === FieldType.number)), [data.series]);
  if (!frames.length) {
    return <NoData fieldConfig={fieldConfig} />;
  }
  const { structureRev } = data;
  const key = `${marks.length} marks`; // drawn anew when they are known
  return (
    <TimeSeries key={key} {...{ frames, structureRev, timeRange, timeZone, width, height, options }} legend={options.legend}>
      {(config) => <Marks {...{ config, marks, title }} />}
    </TimeSeries>
  );
}

function useValues({ fieldConfig, options, replaceVariables, data, timeZone }) {
  const theme = useTheme2();
  return () => getFieldDisplayValues({ fieldConfig, reduceOptions: options.reduceOptions, replaceVariables, theme, data: data.series, timeZone });
}

function Nothing({ fieldConfig, width, height }) {
  const theme = useTheme2();
  const { noValue } = fieldConfig.defaults;
  if (!noValue) {
    return <NoData fieldConfig={fieldConfig} />;
  }
  const value = { text: noValue, numeric: NaN, color: theme.colors.text.secondary };
  return <BigValue {...{ value, width, height, theme }} colorMode={BigValueColorMode.None} graphMode={BigValueGraphMode.None} />;
}

function StatPanel(props) {
  const theme = useTheme2();
  const getValues = useValues(props);
  const { data, width, height, options, renderCounter } = props;
  if (!data.series.length) {
    return <Nothing {...props} />;
  }
  const { colorMode, graphMode, justifyMode, textMode, text } = options;
  const one = (slot) => (
    <BigValue value={slot.value.display} count={slot.count} width={slot.width} height={slot.height} {...{ colorMode, graphMode, justifyMode, textMode, text, theme }} />
  );
  return <VizRepeater {...{ getValues, renderCounter, width, height }} source={data} renderValue={one} autoGrid orientation={VizOrientation.Auto} itemSpacing={3} />;
}

const longest = (texts) => texts.reduce((a, b) => (b.length > a.length ? b : a), '');

function BarGaugePanel(props) {
  const theme = useTheme2();
  const getValues = useValues(props);
  const { data, width, height, options, renderCounter } = props;
  if (!data.series.length) {
    return <Nothing {...props} />;
  }
  const align = (values) => ({
    title: longest(values.map(({ display }) => display.title ?? '')),
    text: longest(values.map(({ display }) => display.text)),
  });
  const one = (slot) => (
    <BarGauge
      value={slot.value.display} width={slot.width} height={slot.height} orientation={slot.orientation} field={slot.value.field}
      alignmentFactors={slot.alignmentFactors} theme={theme} itemSpacing={8} lcdCellWidth={12} text={options.text} displayMode={options.displayMode}
      showUnfilled={options.showUnfilled} valueDisplayMode={options.valueMode} namePlacement={options.namePlacement}
      display={getDisplayProcessor({ field: { type: FieldType.number, config: slot.value.field, values: [] }, theme })}
    />
  );
  return (
    <VizRepeater
      {...{ getValues, renderCounter, width, height }} source={data} renderValue={one} getAlignmentFactors={align} itemSpacing={8}
      orientation={options.orientation} minVizHeight={options.minVizHeight} maxVizHeight={options.maxVizHeight}
    />
  );
}

function TablePanel({ data, width, height, options, timeRange, fieldConfig }) {
  cacheFieldDisplayNames(data.series);
  const [frame] = data.series;
  if (!frame?.length) {
    return <NoData fieldConfig={fieldConfig} />;
  }
  const { structureRev } = data;
  return <TableNG data={frame} {...{ width, height, timeRange, fieldConfig, structureRev }} sortBy={options.sortBy} cellHeight={options.cellHeight} />;
}

const TextPanel = ({ options, replaceVariables }) => (
  <div className="markdown-html" dangerouslySetInnerHTML={{ __html: renderMarkdown(replaceVariables(options.content)) }} />
);

export const plugins = {
  timeseries: new PanelPlugin(TimeSeriesPanel).useFieldConfig({
    standardOptions: { color: { settings: { byValueSupport: true, bySeriesSupport: true }, defaultValue: { mode: FieldColorModeId.PaletteClassic } } },
    useCustomConfig: looks(LINES),
  }),
  stat: new PanelPlugin(StatPanel).useFieldConfig({}),
  bargauge: new PanelPlugin(BarGaugePanel).useFieldConfig({}),
  table: new PanelPlugin(TablePanel).useFieldConfig({ useCustomConfig: looks(CELLS) }),
  text: new PanelPlugin(TextPanel),
  logs,
};
for (const [id, plugin] of Object.entries(plugins)) {
  plugin.meta = { id, name: id, skipDataQuery: id === 'text', module: '', baseUrl: '', info: { logos: { small: '', large: '' } } };
}
