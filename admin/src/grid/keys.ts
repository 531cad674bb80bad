/** What keys do in the grid, for the sheet that shows them all: the grid itself listens to them. */
import type { Shortcut } from '../app/shortcuts.svelte'

export const GRID_KEYS: Shortcut[] = [
  { id: 'move', keys: '↑ ↓ ← →', label: 'Move; with Ctrl to the edge, with Shift select', scope: 'Grid' },
  { id: 'edit', keys: 'Enter', label: 'Edit the cell, or open the record', scope: 'Grid' },
  { id: 'look', keys: 'Alt ↓', label: 'Look at a file or a related record', scope: 'Grid' },
  { id: 'open', keys: 'Ctrl Enter', label: 'Open the record', scope: 'Grid' },
  { id: 'select', keys: 'Space', label: 'Select the row; with Shift all of the range', scope: 'Grid' },
  { id: 'all', keys: 'Ctrl A', label: 'Select what is loaded; again: all that match', scope: 'Grid' },
  { id: 'clear', keys: 'Delete', label: 'Empty the cells', scope: 'Grid' },
  { id: 'copy', keys: 'Ctrl C', label: 'Copy cells; Ctrl X cuts them, Ctrl V pastes', scope: 'Grid' },
  { id: 'fill', keys: 'Ctrl D', label: 'Fill down', scope: 'Grid' },
  { id: 'expand', keys: 'Alt Enter', label: 'Write in a box of its own', scope: 'Grid' },
  { id: 'undo', keys: 'Ctrl Z', label: 'Undo; with Shift redo', scope: 'Grid' },
  { id: 'record-close', keys: ']', label: 'Close it; so does Esc, the upper one first', scope: 'Record' },
  { id: 'record-step', keys: 'Alt ↓', label: 'Next record; Alt ↑ the one before', scope: 'Record' },
  { id: 'record-save', keys: 'Ctrl S', label: 'Save; a new one with Shift: save, and begin another', scope: 'Record' },
]
