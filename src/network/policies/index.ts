export type { PolicyPod } from './compile.ts';
export { PolicyEnforcer, type PolicyEnforcerOptions } from './enforcer.ts';
export { policyPod } from './planner.ts';
