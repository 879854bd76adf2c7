/**
 * The sandbox's system call filter as a classic BPF program: calls that no cell needs and that broke
 * sandboxes before answer EPERM, other architectures' calls end the process.
 */

type Machine = { audit: number; denied: readonly number[]; firstForeign?: number };

const EVERYWHERE = [
  425,
  426,
  427, // io_uring
  428,
  429,
  430,
  431,
  432,
  433,
  442, // the new mount interface
  438, // pidfd_getfd
];

const MACHINES: Partial<Record<NodeJS.Architecture, Machine>> = {
  x64: {
    audit: 0xc000003e,
    // The x32 calls are a second door to the same kernel.
    firstForeign: 0x40000000,
    denied: [
      101,
      310,
      311, // ptrace, process_vm_readv, process_vm_writev
      155,
      161,
      165,
      166, // pivot_root, chroot, mount, umount2
      103,
      163,
      167,
      168,
      169,
      170,
      171,
      179, // syslog, acct, swap, reboot, names, quotactl
      175,
      176,
      313,
      246,
      320, // modules, kexec
      248,
      249,
      250, // keys
      272,
      308,
      303,
      304, // unshare, setns, file handles
      298,
      321,
      323, // perf_event_open, bpf, userfaultfd
      29,
      68, // shmget, msgget: memory that belongs to no process, so that nothing counts it
    ],
  },
  arm64: {
    audit: 0xc00000b7,
    denied: [
      117, 270, 271, 41, 51, 40, 39, 116, 89, 224, 225, 142, 161, 162, 60, 105, 106, 273, 104, 294,
      217, 218, 219, 97, 268, 264, 265, 241, 280, 282, 194, 186,
    ],
  },
};

const LOAD = 0x20;
const EQUAL = 0x15;
const AT_LEAST = 0x35;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const EPERM = 0x00050001;

/** The filter for this machine; undefined for one whose call numbers are not listed here. */
export function seccompFilter(arch: NodeJS.Architecture = process.arch): Buffer | undefined {
  const machine = MACHINES[arch];
  if (!machine) return undefined;
  const { audit, firstForeign } = machine;
  const denied = [...machine.denied, ...EVERYWHERE];
  const tests = [
    ...(firstForeign ? [[AT_LEAST, firstForeign] as const] : []),
    ...denied.map((call) => [EQUAL, call] as const),
  ];
  return Buffer.concat([
    instruction(LOAD, 4),
    instruction(EQUAL, audit, 1, 0),
    instruction(RETURN, KILL),
    instruction(LOAD, 0),
    ...tests.map(([code, value], at) => instruction(code, value, tests.length - at, 0)),
    instruction(RETURN, ALLOW),
    instruction(RETURN, EPERM),
  ]);
}

function instruction(code: number, value: number, whenTrue = 0, whenFalse = 0): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(whenTrue, 2);
  bytes.writeUInt8(whenFalse, 3);
  bytes.writeUInt32LE(value, 4);
  return bytes;
}
