// What our dashboards are made of, in the types that Grafana generates from its own schema.
import type { Dashboard as Classic, DataSourceRef, Panel as AnyPanel, RowPanel } from '../node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen';
import type * as BarGauge from '../node_modules/@grafana/schema/dist/types/raw/composable/bargauge/panelcfg/x/types.gen';
import type * as Logs from '../node_modules/@grafana/schema/dist/types/raw/composable/logs/panelcfg/x/types.gen';
import type * as Stat from '../node_modules/@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import type * as Table from '../node_modules/@grafana/schema/dist/types/raw/composable/table/panelcfg/x/types.gen';
import type * as TimeSeries from '../node_modules/@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';

// JSON has plain values where the types have members of enumerations; all else stays as strict as it is.
type Plain<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends (infer Item)[]
      ? Plain<Item>[]
      : T extends object
        ? { [Key in keyof T]: Plain<T[Key]> }
        : T;

interface Query {
  refId: string;
  datasource: DataSourceRef;
  editorMode: 'code';
  expr: string;
  legendFormat: string;
  instant: boolean;
  range: boolean;
  format?: 'table' | 'time_series';
}

interface LokiQuery {
  refId: string;
  datasource: DataSourceRef;
  editorMode: 'code';
  expr: string;
  queryType: 'instant' | 'range';
  legendFormat?: string;
  maxLines?: number;
  direction?: 'backward' | 'forward';
}

type Defaults = NonNullable<AnyPanel['fieldConfig']>['defaults'];

interface FieldConfig<Custom> {
  defaults: Omit<Defaults, 'custom' | 'thresholds'> & {
    custom?: Partial<Custom>;
    thresholds: { mode: 'absolute' | 'percentage'; steps: { color: string; value: number | null }[] };
  };
  overrides: NonNullable<AnyPanel['fieldConfig']>['overrides'];
}

type Shown<Type extends string, Options, Custom = Record<string, never>> = Omit<AnyPanel, 'type' | 'options' | 'fieldConfig' | 'targets'> & {
  type: Type;
  options: Partial<Options>;
  fieldConfig: FieldConfig<Custom>;
  targets: Query[] | LokiQuery[];
};

type Panel =
  | RowPanel
  | Shown<'bargauge', BarGauge.Options>
  | Shown<'logs', Logs.Options>
  | Shown<'stat', Stat.Options>
  | Shown<'table', Table.Options, Table.FieldConfig>
  | Shown<'timeseries', TimeSeries.Options, TimeSeries.FieldConfig>;

// Variables and annotations hold keys of their own kinds, which the schema leaves open.
export type Dashboard = Plain<Omit<Classic, 'panels' | 'templating' | 'annotations' | 'timepicker'>> & {
  panels: Plain<Panel>[];
  timepicker: object;
  templating: { list: object[] };
  annotations: { list: object[] };
};
