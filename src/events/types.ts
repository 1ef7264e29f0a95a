/** The version of the events' form. It grows when a reader of the old form would misread the new one. */
export const EVENTS_VERSION = 1;

/** What a unit of work does. */
export type UnitKind =
  | "build"
  | "generate"
  | "image"
  | "tarball"
  | "package"
  | "sbom"
  | "fetch"
  | "unpack"
  | "compress"
  | "push"
  | "load"
  | "test";

/** What became of a unit: `stopped` when the run was given up, not the unit's fault. */
export type UnitResult = "made" | "reused" | "failed" | "stopped";

/** How far a unit is. */
export interface Progress {
  /** Of what {@linkcode of} says. */
  readonly done: number;
  /** Undefined while it is not known. */
  readonly total?: number | undefined;
  /** What is counted. */
  readonly of: "bytes" | "layers" | "packages";
  /** What is at work: the package that is compiled. */
  readonly at?: string | undefined;
}

/** A run begins. */
export interface RunStart {
  /** What happened. */
  readonly event: "run.start";
  /** Of the form of events. */
  readonly version: typeof EVENTS_VERSION;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** `quick-release`. */
  readonly command: string;
}

/** A unit is known, and waits for its turn. */
export interface UnitQueued {
  /** What happened. */
  readonly event: "unit.queued";
  /** The same for the same work in every run: `image kube-proxy for linux/amd64`. */
  readonly id: string;
  /** What the unit does. */
  readonly kind: UnitKind;
  /** What is made: `kube-proxy for linux/amd64`. */
  readonly name: string;
}

/** A unit is at work. */
export interface UnitStart {
  /** What happened. */
  readonly event: "unit.start";
  /** The unit, as in {@linkcode UnitQueued}. */
  readonly id: string;
}

/** A unit got on, said at most five times a second. */
export interface UnitProgress extends Progress {
  /** What happened. */
  readonly event: "unit.progress";
  /** The unit, as in {@linkcode UnitQueued}. */
  readonly id: string;
}

/** A unit has ended; without `unit.start` it did not have to begin. */
export interface UnitEnd {
  /** What happened. */
  readonly event: "unit.end";
  /** The unit, as in {@linkcode UnitQueued}. */
  readonly id: string;
  /** What became of it. */
  readonly result: UnitResult;
  /** Why it was reused, or failed. */
  readonly reason?: string | undefined;
}

/** How long units took in earlier runs in the same output directory, for estimates. */
export interface RunExpected {
  /** What happened. */
  readonly event: "run.expected";
  /** Milliseconds by the id of the unit, of each that the last successful run of this command had. */
  readonly units: Readonly<Record<string, number>>;
  /** The same of the last time that each was made, in any command. */
  readonly made?: Readonly<Record<string, number>> | undefined;
}

/** What a stage of a run came to, said at its end. */
export interface RunStage {
  /** What happened. */
  readonly event: "run.stage";
  /** "build": see {@linkcode StageName}. */
  readonly stage: StageName;
  /** Milliseconds in which units of it were at work. */
  readonly wall: number;
  /** Milliseconds of processors, of kbuild and the programs that it started; undefined where the system does not say. */
  readonly processor?: number | undefined;
}

/** Kinds of units that belong together. */
export type StageName = "fetch" | "generate" | "build" | "package" | "push" | "load" | "test";

/** What the machine does, all programs together; said every second while units run. */
export interface RunSample {
  /** What happened. */
  readonly event: "run.sample";
  /** Processors that worked, on average since the last sample. */
  readonly processors: number;
  /** Of so many. */
  readonly ofProcessors: number;
  /** Bytes of memory in use. */
  readonly memory: number;
  /** Of so many. */
  readonly ofMemory: number;
}

/** Text for people. */
export interface LogText {
  /** What happened. */
  readonly event: "log";
  /** How serious it is; `output` is that of programs. */
  readonly level: "info" | "warning" | "error" | "output";
  /** Line breaks are in it; `output` may end anywhere. */
  readonly text: string;
  /** The unit whose program wrote it; only of `output`. */
  readonly id?: string | undefined;
}

/** The last event of a run. */
export interface RunEnd {
  /** What happened. */
  readonly event: "run.end";
  /** The exit status. */
  readonly code: number;
}

/** What happened. */
export type Happening =
  | RunStart
  | UnitQueued
  | UnitStart
  | UnitProgress
  | UnitEnd
  | RunExpected
  | RunStage
  | RunSample
  | LogText
  | RunEnd;

/** An event: what happened, and when. */
export type RunEvent = Happening & {
  /** Milliseconds since the run began. */
  readonly ms: number;
};
