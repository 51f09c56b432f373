// How a page of the reference is written: Markdown, as prettier leaves it.
import { format, resolveConfig } from 'prettier'

export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...rows.map(line)]
}

export async function page(file: string, lines: readonly string[]): Promise<string> {
  const options = await resolveConfig(file)
  return format(`${lines.join('\n')}\n`, { ...options, filepath: file })
}
