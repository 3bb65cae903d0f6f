/** What a host's worker looks like: a text is good where it says so. */
import { serve } from 'holdfast/kit'

serve((text) => {
  if (text.startsWith('poison')) process.exit(1)
  return text.startsWith('good')
})
