// What Grafana's start-up provides to its libraries: theme, registries and services, without a Grafana server.
import {
  booleanOverrideProcessor, createTheme, dataLinksOverrideProcessor, displayNameOverrideProcessor, EventBusSrv, identityOverrideProcessor,
  LoadingState, numberOverrideProcessor, standardEditorsRegistry, standardFieldConfigEditorRegistry, standardTransformers,
  standardTransformersRegistry, stringOverrideProcessor, thresholdsOverrideProcessor, unitOverrideProcessor, valueMappingsOverrideProcessor,
} from '@grafana/data';
import { config, setAppEvents, setBackendSrv, setDataSourceSrv, setEchoSrv, setPluginImportUtils, setRunRequest, setTemplateSrv } from '@grafana/runtime';
import { sceneGraph } from '@grafana/scenes';
import { catchError, from, map, of, startWith } from 'rxjs';
import { extractFields } from './lines.jsx';
import { fail } from './report.js';

const FIELDS = {
  unit: unitOverrideProcessor, min: numberOverrideProcessor, max: numberOverrideProcessor, decimals: numberOverrideProcessor,
  fieldMinMax: booleanOverrideProcessor, displayName: displayNameOverrideProcessor, color: identityOverrideProcessor,
  noValue: stringOverrideProcessor, links: dataLinksOverrideProcessor, mappings: valueMappingsOverrideProcessor,
  thresholds: thresholdsOverrideProcessor, filterable: booleanOverrideProcessor, description: stringOverrideProcessor,
};
const EDITORS = [
  'text', 'number', 'slider', 'boolean', 'select', 'radio', 'multi-select', 'unit', 'links', 'actions', 'color', 'thresholds', 'mappings',
  'stats-picker', 'strings', 'timezone', 'field-name', 'dashboard-uid', 'fieldColor', 'insights',
];
const nothing = () => null;

function fillRegistries() {
  standardFieldConfigEditorRegistry.setInit(() =>
    Object.entries(FIELDS).map(([id, process]) => ({
      id, path: id, name: id, process, editor: nothing, override: nothing, shouldApply: () => true,
    }))
  );
  standardEditorsRegistry.setInit(() => EDITORS.map((id) => ({ id, name: id, editor: nothing })));
  const transformers = new Map([...Object.values(standardTransformers), extractFields].map((one) => [one.id, one]));
  standardTransformersRegistry.setInit(() =>
    [...transformers.values()].map((one) => ({
      id: one.id, name: one.name, transformation: () => Promise.resolve(one), editor: nothing, imageDark: '', imageLight: '',
    }))
  );
}

// By its type, its uid or, for whoever asks for none, the first.
function setDataSources(sources) {
  const find = (ref) => sources.find(({ type, uid }) => [type, uid].includes(ref?.type ?? ref?.uid ?? ref)) ?? sources[0];
  const settings = ({ id, uid, name, type, meta }) => ({
    id, uid, name, type, meta, jsonData: {}, readOnly: true, access: 'proxy', isDefault: type === sources[0].type,
  });
  setDataSourceSrv({
    get: (ref) => Promise.resolve(find(ref)), getInstanceSettings: (ref) => settings(find(ref)),
    getList: ({ pluginId } = {}) => sources.filter(({ type }) => !pluginId || type === pluginId).map(settings),
    reload: nothing, registerRuntimeDataSource: nothing,
  });
}

function run(source, request) {
  const base = { series: [], timeRange: request.range, request };
  return from(source.query(request)).pipe(
    map(({ data }) => ({ ...base, state: LoadingState.Done, series: data })),
    catchError((error) => {
      fail(error);
      return of({ ...base, state: LoadingState.Error, errors: [{ message: error.message }] });
    }),
    startWith({ ...base, state: LoadingState.Loading })
  );
}

function interpolate(text, scopedVars, format) {
  const scene = scopedVars?.__sceneObject?.value.valueOf();
  return scene ? sceneGraph.interpolate(scene, text, scopedVars, format) : (text ?? '');
}

export function provide(plugins, sources) {
  const theme = createTheme({ colors: { mode: 'dark' } });
  Object.assign(config, { theme2: theme, theme: theme.v1 });
  config.bootData = { user: { timezone: 'utc', locale: 'en-US', orgRole: 'Viewer', permissions: {} }, settings: {}, navTree: [] };
  fillRegistries();
  setAppEvents(new EventBusSrv());
  setEchoSrv({ addEvent: nothing, flush: nothing, addBackend: nothing });
  const offline = () => Promise.reject(new Error('there is no Grafana server'));
  setBackendSrv({ get: offline, fetch: () => of(), datasourceRequest: offline });
  setTemplateSrv({ getVariables: () => [], containsTemplate: (text) => /\$/.test(text ?? ''), updateTimeRange: nothing, replace: interpolate });
  setPluginImportUtils({
    importPanelPlugin: (id) => (plugins[id] ? Promise.resolve(plugins[id]) : Promise.reject(new Error(`a panel of type ${id} can't be shown`))),
    getPanelPluginFromCache: (id) => plugins[id],
  });
  setDataSources(sources);
  setRunRequest(run);
  return theme;
}
