import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * Finds out whether this host accelerates guests, by running one.
 *
 * That `/dev/kvm` exists proves nothing: on a machine without hardware virtualisation it can open and still hang every
 * guest. So two things are asked for: the CPU says `svm` or `vmx`, and a guest of 512 bytes under KVM runs to its end in time.
 */
export async function probeAccelerator(
  options: { readonly emulator?: string; readonly cpuInfo?: string; readonly timeoutMs?: number } = {},
): Promise<'kvm' | 'tcg'> {
  const cpuInfo = options.cpuInfo ?? (await readFile('/proc/cpuinfo', 'utf8'));
  if (!hasHardwareVirtualisation(cpuInfo)) return 'tcg';
  const ran = await runProbeGuest('kvm', options.emulator ?? DEFAULT_EMULATOR, options.timeoutMs ?? 10_000);
  return ran ? 'kvm' : 'tcg';
}

export function hasHardwareVirtualisation(cpuInfo: string): boolean {
  return /^flags\s*:.*\b(svm|vmx)\b/m.test(cpuInfo);
}

/** Whether a guest ran under this accelerator. One that does not end in time is killed and has not run. */
export async function runProbeGuest(accelerator: 'kvm' | 'tcg', emulator: string, timeoutMs: number): Promise<boolean> {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-probe-'));
  try {
    const disk = path.join(folder, 'boot-sector');
    await writeFile(disk, probeGuest());
    return (await exitCode(emulator, emulatorArguments(accelerator, disk), timeoutMs)) === EXIT_CODE_OF_PROBE;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const DEFAULT_EMULATOR = 'qemu-system-x86_64';
/** What the guest writes to QEMU's debug exit device; QEMU then ends with (value << 1) | 1. */
const PROBE_VALUE = 0x10;
const EXIT_CODE_OF_PROBE = (PROBE_VALUE << 1) | 1;

/** A boot sector: `mov dx, 0x501; mov al, PROBE_VALUE; out dx, al; hlt; jmp` to the `hlt`. */
function probeGuest(): Buffer {
  const sector = Buffer.alloc(512);
  Buffer.from([0xba, 0x01, 0x05, 0xb0, PROBE_VALUE, 0xee, 0xf4, 0xeb, 0xfd]).copy(sector);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

function emulatorArguments(accelerator: 'kvm' | 'tcg', disk: string): readonly string[] {
  return [
    ...['-machine', `pc,accel=${accelerator}`, '-cpu', accelerator === 'kvm' ? 'host' : 'qemu64', '-m', '16'],
    ...['-display', 'none', '-nodefaults', '-no-user-config'],
    ...['-device', 'isa-debug-exit,iobase=0x501,iosize=1', '-drive', `file=${disk},format=raw,if=ide`],
  ];
}

/** Undefined where the program could not be started or was killed. */
async function exitCode(program: string, args: readonly string[], timeoutMs: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'ignore' });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    const settle = (code: number | null) => {
      clearTimeout(timer);
      resolve(code ?? undefined);
    };
    child.once('error', () => settle(null));
    child.once('exit', settle);
  });
}
