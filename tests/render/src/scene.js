// A classic dashboard as a scene, Grafana's own structure for a living dashboard.
import {
  behaviors, CustomVariable, DataSourceVariable, EmbeddedScene, QueryVariable, SceneDataTransformer, SceneGridItem, SceneGridLayout,
  SceneGridRow, SceneQueryRunner, SceneTimePicker, SceneTimeRange, SceneVariableSet, TextBoxVariable, VariableValueSelectors, VizPanel,
} from '@grafana/scenes';
import { fail } from './report.js';

const HIDDEN = 2;
const IN_CONTROLS_MENU = 3;

function variable(json) {
  const { name, label, description, multi, includeAll, allValue, current, query, refresh, sort, regex, datasource } = json;
  const hide = json.hide === IN_CONTROLS_MENU ? HIDDEN : json.hide; // it is in a menu that is closed
  const common = { name, label, description, hide, value: current?.value ?? '', text: current?.text ?? '' };
  const choice = { isMulti: multi, includeAll, allValue, defaultToAll: includeAll };
  switch (json.type) {
    case 'datasource':
      return new DataSourceVariable({ ...common, pluginId: query });
    case 'query':
      return new QueryVariable({ ...common, ...choice, datasource, query, refresh, sort, regex });
    case 'textbox':
      return new TextBoxVariable(common);
    case 'custom':
      return new CustomVariable({ ...common, ...choice, query });
    default:
      throw new Error(`a variable of type ${json.type} can't be shown`);
  }
}

function panel(json) {
  const { x, y, w, h } = json.gridPos;
  let $data;
  if (json.targets) {
    $data = new SceneQueryRunner({ datasource: json.datasource, queries: json.targets, minInterval: json.interval });
    if (json.transformations) {
      $data = new SceneDataTransformer({ $data, transformations: json.transformations });
    }
  }
  const { title, description, type: pluginId, options, fieldConfig } = json;
  return new SceneGridItem({ x, y, width: w, height: h, body: new VizPanel({ title, description, pluginId, options, fieldConfig, $data }) });
}

// Rows that open collapsed are drawn open, below all others, so that their panels are seen too.
export function unfolded(panels) {
  let y = Math.max(...panels.filter(({ collapsed }) => !collapsed).map(({ gridPos }) => gridPos.y + gridPos.h));
  return panels.flatMap((json) => {
    if (!json.collapsed) {
      return [json];
    }
    const moved = (one) => ({ ...one, gridPos: { ...one.gridPos, y: one.gridPos.y - json.gridPos.y + top } });
    const top = y;
    const opened = [moved(json), ...json.panels.map(moved)];
    y = Math.max(...opened.map(({ gridPos }) => gridPos.y + gridPos.h));
    return opened;
  });
}

function grid(panels) {
  const children = [];
  for (const json of unfolded(panels)) {
    if (json.type === 'row') {
      children.push(new SceneGridRow({ x: 0, y: json.gridPos.y, title: json.title, children: [] }));
    } else {
      (children.at(-1)?.state.children ?? children).push(panel(json));
    }
  }
  return new SceneGridLayout({ children });
}

export function sceneOf(dashboard, { from, to, chosen }) {
  const variables = dashboard.templating.list.map(variable);
  for (const one of variables) {
    const value = chosen[one.state.name];
    if (value) {
      (one.changeValueTo ?? one.setValue)?.call(one, one.state.isMulti ? value.split('|') : value);
    }
  }
  for (const name of Object.keys(chosen).filter((name) => !variables.some((one) => one.state.name === name))) {
    fail(`there is no variable ${name}`);
  }
  return new EmbeddedScene({
    $timeRange: new SceneTimeRange({ from, to, timeZone: 'utc' }),
    $variables: new SceneVariableSet({ variables }),
    $behaviors: [new behaviors.CursorSync({ sync: dashboard.graphTooltip })],
    controls: [new VariableValueSelectors({}), new SceneTimePicker({})],
    body: grid(dashboard.panels),
  });
}
