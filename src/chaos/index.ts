export { renderText, verdict } from './report/text.ts';
export { writeReport } from './report/write-report.ts';
export { type ChaosOptions, type ChaosResult, runChaos } from './run.ts';
export { etcdAccess } from './stores/etcd-access.ts';
export { kubeAccess } from './stores/kube-access.ts';
export { type ChaosTarget, type FaultKind, faultKinds } from './types.ts';
