/** The webhooks of all configurations, as they are called: in the order of their configurations' names, each ready to match. */
import type { ResourceDefinition } from '../../../api/definition.ts';
import type { MutatingWebhook, ValidatingWebhook } from '../../../api/generated/types/admissionregistration-v1.ts';
import type { KubernetesObject } from '../../../api/types.ts';
import { type ConditionMatcher, compileConditions } from '../matching/conditions.ts';
import { equivalents, ruleMatches } from '../matching/rules.ts';
import { compileSelectors, type Selectors } from '../matching/selectors.ts';
import type { AdmissionScope } from '../types.ts';

export type AnyWebhook = MutatingWebhook | ValidatingWebhook;

export interface Hook {
  /** Its place among the webhooks of all configurations. */
  readonly index: number;
  /** Tells it from all others, also from one of the same name. */
  readonly id: string;
  readonly configuration: string;
  readonly webhook: AnyWebhook;
  readonly selectors: Selectors;
  readonly conditions: ConditionMatcher | undefined;
}

/** A hook that asked for a kind of request by its rules. */
export interface Invocation {
  readonly hook: Hook;
  /** The version that it asked for. */
  readonly as: ResourceDefinition;
}

/** Configurations of one state. Which hooks a scope concerns is found out once. */
export class HookSet {
  readonly #hooks: readonly Hook[];
  readonly #definitions: () => readonly ResourceDefinition[];
  readonly #found = new WeakMap<ResourceDefinition, Map<string, readonly Invocation[]>>();

  constructor(hooks: readonly Hook[], definitions: () => readonly ResourceDefinition[]) {
    this.#hooks = hooks;
    this.#definitions = definitions;
  }

  for(scope: AdmissionScope): readonly Invocation[] {
    if (this.#hooks.length === 0) return [];
    const { definition, operation, subresource = '' } = scope;
    const ofKind = this.#found.get(definition) ?? new Map<string, readonly Invocation[]>();
    const key = `${operation}/${subresource}`;
    let found = ofKind.get(key);
    if (!found) {
      found = this.#find(scope);
      this.#found.set(definition, ofKind.set(key, found));
    }
    return found;
  }

  #find(scope: AdmissionScope): Invocation[] {
    const { definition } = scope;
    const others = equivalents(this.#definitions(), definition);
    return this.#hooks.flatMap((hook) => {
      const { rules = [], matchPolicy } = hook.webhook;
      if (rules.some((rule) => ruleMatches(rule, scope))) return [{ hook, as: definition }];
      if (matchPolicy === 'Exact') return [];
      // Earlier rules count first.
      for (const rule of rules) {
        const as = others.find((other) => ruleMatches(rule, scope, other));
        if (as) return [{ hook, as }];
      }
      return [];
    });
  }
}

export function hooksOf(configurations: readonly KubernetesObject[]): Hook[] {
  let index = 0;
  return configurations.flatMap((configuration) => {
    const name = configuration.metadata?.name ?? '';
    const seen = new Map<string, number>();
    return ((configuration.webhooks ?? []) as AnyWebhook[]).map((webhook) => {
      const count = seen.get(webhook.name) ?? 0;
      seen.set(webhook.name, count + 1);
      return {
        index: index++,
        id: `${name}/${webhook.name}/${count}`,
        configuration: name,
        webhook,
        selectors: compileSelectors(webhook),
        conditions: compileConditions(webhook.matchConditions, webhook.failurePolicy),
      };
    });
  });
}
