/** core/v1 PodTemplate: a template that stands alone. */
import type { PodTemplate } from '../../generated/types/core-v1.ts';
import { column, nameColumn } from '../../table/column.ts';
import { containerImages, containerNames, formatLabels } from '../../table/format.ts';
import { defineKind } from '../define.ts';
import { setPodSpecDefaults } from '../pod/defaults.ts';
import { sameJson, typedStrategy } from '../strategy.ts';
import { validatePodTemplateSpec } from '../workload/validate-template.ts';

export const podTemplateDefinition = defineKind({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  resource: 'podtemplates',
  namespaced: true,
  allColumns: [
    nameColumn,
    column<PodTemplate>('Containers', 'Names of its containers.', ({ template }) =>
      containerNames(template?.spec?.containers),
    ),
    column<PodTemplate>('Images', 'Images of its containers.', ({ template }) =>
      containerImages(template?.spec?.containers),
    ),
    column<PodTemplate>('Pod Labels', 'Labels of its pods.', ({ template }) =>
      formatLabels(template?.metadata?.labels),
    ),
  ],
  strategy: typedStrategy<PodTemplate>({
    setDefaults({ template }) {
      if (template?.spec) setPodSpecDefaults(template.spec);
    },
    prepareForCreate(template) {
      template.metadata = { ...template.metadata, generation: 1 };
    },
    prepareForUpdate(template, old) {
      const before = old.metadata?.generation ?? 0;
      const generation = sameJson(template.template, old.template) ? before : before + 1;
      template.metadata = { ...template.metadata, generation };
    },
    validate: ({ template }) => validatePodTemplateSpec(template ?? {}, 'template'),
  }),
});
