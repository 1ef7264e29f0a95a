/**
 * Port of `hack/make-rules/test.sh` and `test-integration.sh`: which packages have tests, the `go test` that the
 * checkout's own scripts would start, the etcd of integration tests, results, and reports of them (JUnit,
 * coverage).
 *
 * @module
 */
export { type Block, type Coverage, coveredPercent, lcovOf, parseCoverage } from "./coverage.ts";
export {
  type EtcdPlan,
  findEtcd,
  type FoundEtcd,
  isOlder,
  planEtcd,
  type RunningEtcd,
  startEtcd,
} from "./etcd.ts";
export {
  type EtcdContext,
  type EtcdRelease,
  etcdRelease,
  isCachedEtcd,
  isEtcdVersion,
  listCachedEtcd,
  type PlannedEtcdUrl,
  plannedEtcdUrls,
} from "./etcd_release.ts";
export { type Failure, keepFailures, readFailures, type TestCommand } from "./failures.ts";
export { type GoEvent, GoEventReader } from "./go_events.ts";
export { type IntegrationPlan, planIntegrationTests } from "./integration.ts";
export { installEtcd, type InstallEtcdOptions } from "./install_etcd.ts";
export { junitOf, type JunitOptions } from "./junit.ts";
export {
  planTests,
  type Shard,
  type TestPlan,
  type TestProcess,
  type TestRequest,
} from "./plan.ts";
export {
  failureLines,
  packageLine,
  repeatCommand,
  summarize,
  summaryLine,
  type TestSummary,
} from "./report.ts";
export {
  failedTests,
  type Outcome,
  type PackageResult,
  type TestResult,
  TestResults,
  type TestResultsOptions,
} from "./results.ts";
export { runTests, type TestListener } from "./run.ts";
export { planVet, type VetPlan } from "./vet.ts";
export { packageArguments, type PackageNames, shortName } from "./words.ts";
