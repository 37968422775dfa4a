/** node.k8s.io/v1 RuntimeClass. */
import type { RuntimeClass } from '../../generated/types/node-v1.ts';
import { dns1123Label } from '../../meta/names.ts';
import { validateLabels } from '../../meta/object-meta.ts';
import { column } from '../../table/column.ts';
import { each, immutable, notNegativeQuantity, oneOf, requiredName, unique } from '../checks.ts';
import { defineKind } from '../define.ts';
import { typedStrategy } from '../strategy.ts';

const effects = ['NoExecute', 'NoSchedule', 'PreferNoSchedule'];

export const runtimeClassDefinition = defineKind({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  resource: 'runtimeclasses',
  namespaced: false,
  createOnUpdate: true,
  needsResourceVersion: true,
  columns: [column<RuntimeClass>('Handler', 'What its pods run in.', ({ handler }) => handler ?? '')],
  strategy: typedStrategy<RuntimeClass>({
    setDefaults({ scheduling }) {
      for (const toleration of scheduling?.tolerations ?? []) toleration.operator ||= 'Equal';
    },
    validate: ({ handler, overhead, scheduling }) => [
      ...requiredName('handler', handler, dns1123Label),
      ...Object.entries(overhead?.podFixed ?? {}).flatMap(([name, amount]) =>
        notNegativeQuantity(`overhead.limits[${name}]`, amount),
      ),
      ...validateLabels(scheduling?.nodeSelector, 'scheduling.nodeSelector'),
      ...each('scheduling.tolerations', scheduling?.tolerations, ({ operator, effect }, field) => [
        ...oneOf(`${field}.operator`, operator, ['Equal', 'Exists']),
        ...oneOf(`${field}.effect`, effect, effects),
      ]),
      ...unique(
        scheduling?.tolerations,
        ({ key, operator, value, effect }) => [key, operator, value, effect].join(' '),
        (index) => `scheduling.tolerations[${index}]`,
      ),
    ],
    validateUpdate: ({ handler }, old) => immutable('handler', handler, old.handler),
  }),
});
